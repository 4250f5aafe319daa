"""What leaves the event store: everything, since this service's own views and automations read it from Kafka too."""

from shared.events import scheduling as events
from shared.events.base import Event

PUBLISHED: tuple[type[Event], ...] = (
    events.NotifyAddressSet,
    events.PartsOfDaySet,
    events.HorizonSet,
    events.TimeZoneSet,
    events.ReasonAdded,
    events.ReasonMadeDefault,
    events.ReasonDeactivated,
    events.AppointmentRequested,
    events.AppointmentConfirmed,
    events.AppointmentDeclined,
    events.AppointmentCancelled,
)
