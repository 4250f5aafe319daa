"""What is sent to portal-svc and what it answers with."""

import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from shared.events.portal import AccountRole

_ADDRESS = re.compile(r"[^@\s\x00-\x1f\"<>(),:;\\]{1,64}@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z0-9-]{2,63}\Z")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}\Z")
CLINIC_ID = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
LOCAL_ID = r"^[A-Za-z0-9._~%-]{1,200}$"
MANY_CHARACTERS = 4_096


def normal_address(text: str) -> str:
    """A mail address in lower case (R63: the username is one). ValueError for anything else."""
    address = text.strip().lower()
    if len(address) > 254 or ".." in address or not _ADDRESS.match(address):
        raise ValueError("not a mail address")
    return address


def _known_zone(name: str) -> str:
    """The pattern keeps paths out of the file name that a zone is."""
    try:
        if not _ZONE.match(name):
            raise ValueError("not a time zone")
        ZoneInfo(name)
    except (OSError, KeyError, ValueError):
        raise ValueError("not an IANA time zone") from None
    return name


Address = Annotated[str, Field(max_length=320), AfterValidator(normal_address)]
Secret = Annotated[SecretStr, Field(max_length=MANY_CHARACTERS)]


class Body(BaseModel):
    """Members that are not known are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RegisterClinicBody(Body):
    """`time_zone`: IANA; `vendor`: the code of the PIMS's profile."""

    clinic_id: Annotated[str, Field(pattern=CLINIC_ID)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(_known_zone)]
    vendor: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{1,31}$")]


class InviteBody(Body):
    """`client_id`: who an owner is in this clinic, as the PIMS has it; for owners only."""

    role: AccountRole
    email: Address
    client_id: Annotated[str, Field(pattern=LOCAL_ID)] | None = None


class ActivationBody(Body):
    """What the link in the mail holds, and the password that was chosen."""

    account_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    token: Secret
    password: Secret


class LoginBody(Body):
    """An address that is none gets the answer of one that is unknown."""

    email: Annotated[str, Field(max_length=320)]
    password: Secret


class PasswordBody(Body):
    """The present password and the next one."""

    current_password: Secret
    new_password: Secret


class PimsClientBody(Body):
    """`label` is for people who look after the clinic's credentials."""

    label: Annotated[str, Field(min_length=1, max_length=100)]


class AccessToken(BaseModel):
    """RFC 6749 section 5.1; `expires_in` in seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 -- the type's name, no secret
    expires_in: int
