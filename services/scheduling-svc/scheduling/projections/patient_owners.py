"""Whose a patient is, as the practice's system last said: an owner books for own and living pets only."""

from pydantic import BaseModel

from shared.events import pims_sync
from shared.kernel.decider import Projection


class PatientOwners(BaseModel):
    """`client_ids` are in the practice's own numbering, as in an owner's token."""

    client_ids: tuple[str, ...]
    is_deceased: bool = False

    def may_be_booked_by(self, client_id: str) -> bool:
        """True for an owner of a living patient."""
        return client_id in self.client_ids and not self.is_deceased


def evolve(view: PatientOwners | None, event: pims_sync.PatientEvent) -> PatientOwners | None:
    match event, view:
        case pims_sync.PatientSynced(status="deleted"), _:
            return None
        case pims_sync.PatientSynced(owners=owners, death=death), _:
            return PatientOwners(client_ids=tuple(o.client_id for o in owners), is_deceased=death.known)
        case _, None:
            return None
        case pims_sync.PatientDied(), _:
            return view.model_copy(update={"is_deceased": True})
        case pims_sync.PatientRevived(), _:
            return view.model_copy(update={"is_deceased": False})
        case pims_sync.OwnershipEnded(client_id=gone), _:
            return view.model_copy(update={"client_ids": tuple(c for c in view.client_ids if c != gone)})


patient_owners = Projection[pims_sync.PatientEvent, PatientOwners](
    "patient_owners",
    "patient",
    (pims_sync.PatientSynced, pims_sync.PatientDied, pims_sync.PatientRevived, pims_sync.OwnershipEnded),
    PatientOwners,
    evolve,
)
