"""What callers send and what they get."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from referral.projections.referral_case import ReferralCase, Status
from shared.chassis.endpoints import Accepted
from shared.chassis.views import Shown
from shared.events.referral import DocumentKind, ListedDocument, ReferredClient, ReferredPatient

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
MAX_DOCUMENTS = 100


class Body(BaseModel):
    """Members that are not asked for are refused."""

    model_config = ConfigDict(extra="forbid")


class ClientBody(Body):
    """The patient's owner: a name and whatever ways to reach them there are."""

    name: Line
    phone: Line | None = None
    email: Line | None = None
    postal_address: Line | None = None


class PatientBody(Body):
    """The patient."""

    name: Line
    species: Line
    breed: Line | None = None
    sex: Literal["M", "F", "U"] = "U"
    born_on: date | None = None


class DocumentBody(Body):
    """A document that belongs to the case."""

    kind: DocumentKind
    title: Line


class ReferralBody(Body):
    """A case (R1, R2). The order of `documents` is the order in which they are shown (R3)."""

    client: ClientBody
    patient: PatientBody
    history: Text
    clinical_signs: Text
    documents: Annotated[tuple[DocumentBody, ...], Field(max_length=MAX_DOCUMENTS)] = ()
    owner_consents: bool

    def listed(self) -> tuple[ListedDocument, ...]:
        """The documents with their positions, from 1."""
        return tuple(
            ListedDocument(position=position, **document.model_dump())
            for position, document in enumerate(self.documents, start=1)
        )


class DeclineBody(Body):
    """Why, for the referring vet to read."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class ReferralAnswer(BaseModel):
    """A case; `revision` is what If-Match wants."""

    referral_id: str
    referring_vet_id: str
    status: Status
    client: ReferredClient | None
    patient: ReferredPatient
    history: str
    clinical_signs: str
    documents: tuple[ListedDocument, ...]
    submitted_at: datetime
    answered_at: datetime | None
    decline_reason: str | None
    revision: int

    @classmethod
    def of(cls, shown: Shown[ReferralCase]) -> "ReferralAnswer":
        """As the view has it."""
        return cls(**shown.view.model_dump(), revision=shown.revision)


class ReferralLine(BaseModel):
    """A case in a list."""

    referral_id: str
    referring_vet_id: str
    status: Status
    patient: ReferredPatient
    submitted_at: datetime
    answered_at: datetime | None
    revision: int

    @classmethod
    def of(cls, shown: Shown[ReferralCase]) -> "ReferralLine":
        """Without what is only needed when the case is opened."""
        wanted = cls.model_fields.keys() - {"revision"}
        return cls(**shown.view.model_dump(include=set(wanted)), revision=shown.revision)


class ReferralAccepted(Accepted):
    """A case was taken in."""

    referral_id: str
