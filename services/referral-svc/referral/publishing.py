"""What leaves the event store: everything, since this service's own views read it from Kafka too."""

from shared.events import referral as events
from shared.events.base import Event

PUBLISHED: tuple[type[Event], ...] = (events.ReferralSubmitted, events.ReferralAccepted, events.ReferralDeclined)
