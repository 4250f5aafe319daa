"""Who sits at the keyboard: an operator's access token, checked as the services check it, or a user of the system."""

import getpass
from dataclasses import dataclass
from typing import Literal

from shared.chassis.api_app import trusted_issuers
from shared.chassis.auth import Verifier
from shared.chassis.jwks import KeysUnavailable
from shared.chassis.settings import ChassisSettings
from shared.chassis.verifier import InvalidToken


class NotAnOperator(Exception):
    """The token is not one of an operator, or one is needed; the text says which."""


@dataclass(frozen=True)
class Asking:
    """`name` is the token's subject, or the system's name of the user."""

    name: str
    known_by: Literal["token", "system"]

    def may_see_personal_data(self) -> None:
        """Raises `NotAnOperator` without a token: being at the keyboard is not enough."""
        if self.known_by != "token":
            raise NotAnOperator("--reveal needs an operator's access token (--token or VETWIRE_OPERATOR_TOKEN)")


async def asking(settings: ChassisSettings, token: str | None, verifier: Verifier | None = None) -> Asking:
    """Raises `NotAnOperator` for a token that is not valid, not of an operator, or cannot be checked now."""
    if token is None:
        return Asking(getpass.getuser(), "system")
    try:
        who = await (verifier or trusted_issuers(settings)).verify(token)
    except InvalidToken as error:
        raise NotAnOperator(f"the access token is not valid: {error.reason}") from None
    except KeysUnavailable:
        raise NotAnOperator("the access token cannot be checked: the issuer's keys are not to be had") from None
    if who.role != "operator":
        raise NotAnOperator(f"the access token is of the role {who.role}")
    return Asking(who.subject, "token")
