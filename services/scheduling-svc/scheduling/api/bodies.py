"""What callers send and what they get."""

from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from scheduling.projections.appointment_card import AppointmentCard, Status
from shared.chassis.endpoints import Accepted
from shared.chassis.views import Shown
from shared.events.scheduling import LocalTime, PartName, PartOfDay

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
MailAddress = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+$"),
]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not an IANA time zone")
    return name


def _as_stored(moment: datetime) -> datetime:
    """UTC and whole milliseconds, so that asking twice for the same time is the same wish."""
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


class Body(BaseModel):
    """Members that are not asked for are refused."""

    model_config = ConfigDict(extra="forbid")


class PartOfDayBody(Body):
    """The clinic's own hours for a part of the day; `ends` is not in it."""

    name: PartName
    starts: LocalTime
    ends: LocalTime


class BookingSettingsBody(Body):
    """All settings; `notify_address` null: requests are not mailed (R89)."""

    notify_address: MailAddress | None
    parts_of_day: Annotated[tuple[PartOfDayBody, ...], Field(min_length=1, max_length=3)]
    horizon_days: Annotated[int, Field(ge=1, le=730)]
    time_zone: Annotated[str, AfterValidator(_known_zone)]

    def parts(self) -> tuple[PartOfDay, ...]:
        """The parts of day as events hold them."""
        return tuple(PartOfDay(**part.model_dump()) for part in self.parts_of_day)


class ReasonBody(Body):
    """A new reason (R92). `appointment_type`: the practice's own type, null while it is not mapped."""

    name: Line
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
    appointment_type: Line | None = None
    is_default: bool = False


class AppointmentBody(Body):
    """An owner's request (R85, R95): a date and part of day, a reason; a message if they like."""

    patient_id: Id
    on: date
    part_of_day: PartName
    reason_id: Id
    message: Text | None = None


class ConfirmationBody(Body):
    """The time that the clinic gives, with its offset from UTC."""

    starts_at: Annotated[AwareDatetime, AfterValidator(_as_stored)]


class DeclineBody(Body):
    """A word to the owner, if the clinic likes."""

    explanation: Text | None = None


class AppointmentAnswer(BaseModel):
    """An appointment; `revision` is what If-Match wants."""

    appointment_id: str
    client_id: str
    patient_id: str
    on: date
    part_of_day: PartName
    reason_id: str
    reason_name: str
    message: str | None
    requested_at: datetime
    status: Status
    starts_at: datetime | None
    explanation: str | None
    revision: int

    @classmethod
    def of(cls, shown: Shown[AppointmentCard]) -> "AppointmentAnswer":
        """As the view has it."""
        return cls(**shown.view.model_dump(), revision=shown.revision)


class ReasonAnswer(BaseModel):
    """A reason, as owners and staff see it."""

    reason_id: str
    name: str
    description: str
    appointment_type: str | None
    is_default: bool
    is_active: bool


class BookingSettingsAnswer(BaseModel):
    """The settings that hold; `revision` is null while the clinic has set none."""

    notify_address: str | None
    parts_of_day: tuple[PartOfDay, ...]
    horizon_days: int
    time_zone: str
    revision: int | None


class AppointmentAccepted(Accepted):
    """A request was taken."""

    appointment_id: str


class ReasonAccepted(Accepted):
    """A reason was added."""

    reason_id: str
