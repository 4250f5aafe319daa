"""Who may do what here, and the parameters that routes share."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request
from pydantic import AfterValidator

from shared.chassis.auth import Identity, clinic_access
from shared.chassis.tokens import blind_index

E164 = r"^\+[1-9]\d{6,14}$"


def _with_plus(number: str) -> str:
    return "+" + number.lstrip("+ ")


Staff = Annotated[Identity, Depends(clinic_access("staff"))]
NumberInPath = Annotated[str, Path(pattern=r"^\+?[1-9]\d{6,14}$"), AfterValidator(_with_plus)]
PhoneInQuery = Annotated[
    str,
    # A plus sign that was not percent-encoded arrives as a space.
    Query(pattern=r"^[+ ]?[1-9]\d{6,14}$", description="E.164, the plus sign as %2B or left out"),
    AfterValidator(_with_plus),
]


def digits(number: str) -> str:
    """E.164 as it stands in the names of streams."""
    return number.removeprefix("+")


def phone_index(request: Request, clinic_id: str, phone: str) -> str:
    """Under which a phone is found without being stored; another clinic has another one for it."""
    return blind_index(request.app.state.token_secret, f"phone/{clinic_id}", phone)
