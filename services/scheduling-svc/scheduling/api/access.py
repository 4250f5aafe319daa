"""Who may do what here."""

from typing import Annotated

from fastapi import Depends

from shared.chassis.auth import Identity, clinic_access

Owner = Annotated[Identity, Depends(clinic_access("owner"))]
Staff = Annotated[Identity, Depends(clinic_access("staff"))]
OwnerOrStaff = Annotated[Identity, Depends(clinic_access("owner", "staff"))]
