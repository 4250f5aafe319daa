"""What callers send and what they get."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from messaging.api.access import E164
from shared.chassis.endpoints import Accepted


class NumberBody(BaseModel):
    """A number to text from, and the secret with which its provider signs what it delivers."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    number: Annotated[str, StringConstraints(pattern=E164)]
    auth_token: Annotated[str, StringConstraints(min_length=16, max_length=128, pattern=r"^[\x21-\x7e]+$")]


class NumberAnswer(BaseModel):
    """A number; its secret is never shown."""

    number: str
    registered_at: datetime
    secret_set_at: datetime


class NumberAccepted(Accepted):
    """A number was registered."""

    number: str


class ConsentAnswer(BaseModel):
    """Of one phone with one of the clinic's numbers; `since` is null if it never opted out."""

    number: str
    is_opted_out: bool
    since: datetime | None


class PhoneConsentAnswer(BaseModel):
    """`is_opted_out` is the indicator (R82): some number of the clinic must not text this phone."""

    is_opted_out: bool
    numbers: list[ConsentAnswer]
