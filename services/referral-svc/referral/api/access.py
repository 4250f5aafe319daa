"""Who may do what here."""

from typing import Annotated

from fastapi import Depends

from shared.chassis.auth import Identity, clinic_access

ReferringVet = Annotated[Identity, Depends(clinic_access("referring_vet"))]
Receiving = Annotated[Identity, Depends(clinic_access("specialist", "staff"))]
EitherSide = Annotated[Identity, Depends(clinic_access("specialist", "staff", "referring_vet"))]
