"""The booking desk as the write side has it now: views may lag, and a decision must not rest on a view."""

from datetime import datetime
from zoneinfo import ZoneInfo

from scheduling.domain.booking_settings import booking_settings
from scheduling.domain.desk import Desk
from scheduling.domain.reasons import reasons
from shared.chassis.commands import state_of
from shared.chassis.event_store import EventStore


async def desk_of(store: EventStore, clinic_id: str, now: datetime) -> Desk:
    """The clinic's settings, reasons and local date at `now`."""
    settings = await state_of(store, booking_settings, clinic_id)
    today = now.astimezone(ZoneInfo(settings.time_zone)).date()
    return Desk(settings, await state_of(store, reasons, clinic_id), today)
