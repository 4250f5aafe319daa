"""What the booking desk knows when a request comes in: facts of other streams, and the rules that hold for them."""

from dataclasses import dataclass
from datetime import date, timedelta

from scheduling.domain.booking_settings import BookingSettings
from scheduling.domain.reasons import Reason, Reasons
from shared.events.scheduling import PartName
from shared.kernel.errors import Refused


@dataclass(frozen=True)
class Desk:
    """The clinic's settings and reasons as the handler read them from their own streams; `today` is its local date.

    They may change between that reading and the append. A request that crosses such a change stands, as one that
    came a moment earlier would: the rules say what may be asked for, and the clinic answers every request anyway.
    """

    settings: BookingSettings
    reasons: Reasons
    today: date

    def reason_for(self, reason_id: str, on: date, part_of_day: PartName) -> Reason:
        """The reason of a request that may be made (R85, R91, R95); Refused for any other."""
        if not self.reasons.active:
            raise Refused("no-active-reason")
        reason = self.reasons.by_id.get(reason_id)
        if reason is None or not reason.is_active:
            raise Refused("unknown-reason")
        if part_of_day not in {part.name for part in self.settings.parts}:
            raise Refused("part-of-day-not-offered")
        if on < self.today:
            raise Refused("date-in-the-past")
        if on > self.today + timedelta(days=self.settings.horizon_days):
            raise Refused("beyond-horizon")
        return reason
