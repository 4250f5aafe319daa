"""What leaves the event store: everything, since this service's own views read it from Kafka too.

Phones, texts and the providers' secrets leave as ciphertext.
"""

from shared.events import messaging as events
from shared.events.base import Event

PUBLISHED: tuple[type[Event], ...] = (
    events.SendingNumberRegistered,
    events.SendingNumberSecretReplaced,
    events.SendingNumberReleased,
    events.SmsReceived,
    events.SmsOptedOut,
    events.SmsOptedIn,
)
