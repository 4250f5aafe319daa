"""Who may do what here, and the parameters that routes share."""

from typing import Annotated

from fastapi import Depends, Path

from shared.chassis.auth import Identity, clinic_access
from shared.chassis.etags import required_if_match
from shared.chassis.idempotency import IdempotentRequest, idempotent

ReferringVet = Annotated[Identity, Depends(clinic_access("referring_vet"))]
Receiving = Annotated[Identity, Depends(clinic_access("specialist", "staff"))]
EitherSide = Annotated[Identity, Depends(clinic_access("specialist", "staff", "referring_vet"))]
Once = Annotated[IdempotentRequest, Depends(idempotent)]
Expected = Annotated[int, Depends(required_if_match)]
MadeId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
"""An id that this service gave: 32 hex digits."""
