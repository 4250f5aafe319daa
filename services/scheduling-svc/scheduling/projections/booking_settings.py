"""A clinic's booking settings as they are now."""

from pydantic import BaseModel

from scheduling.domain.booking_settings import BookingSettings
from shared.events import scheduling as events
from shared.events.scheduling import PartOfDay
from shared.kernel.decider import Projection

_USUAL = BookingSettings()


class BookingSettingsView(BaseModel):
    """What the clinic set, and the usual for what it did not. A clinic that set nothing has no document."""

    notify_address: str | None = _USUAL.notify_address
    parts_of_day: tuple[PartOfDay, ...] = _USUAL.parts
    horizon_days: int = _USUAL.horizon_days
    time_zone: str = _USUAL.time_zone


def evolve(view: BookingSettingsView | None, event: events.SettingsEvent) -> BookingSettingsView:
    settings = view or BookingSettingsView()
    match event:
        case events.NotifyAddressSet(address=address):
            return settings.model_copy(update={"notify_address": address})
        case events.PartsOfDaySet(parts=parts):
            return settings.model_copy(update={"parts_of_day": parts})
        case events.HorizonSet(days=days):
            return settings.model_copy(update={"horizon_days": days})
        case events.TimeZoneSet(time_zone=time_zone):
            return settings.model_copy(update={"time_zone": time_zone})


booking_settings = Projection[events.SettingsEvent, BookingSettingsView](
    "booking_settings",
    "bookingsettings",
    (events.NotifyAddressSet, events.PartsOfDaySet, events.HorizonSet, events.TimeZoneSet),
    BookingSettingsView,
    evolve,
)
