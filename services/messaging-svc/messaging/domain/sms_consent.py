"""Text consent: one stream for each pair of sending number and phone, as carriers block by pair (sms-rules 19)."""

from dataclasses import dataclass, replace
from datetime import datetime

from messaging.domain.keywords import keyword_of
from shared.events import messaging as events
from shared.events.messaging import Keyword
from shared.kernel.decider import Decider


@dataclass(frozen=True)
class ReceiveSms:
    """A text that the provider delivered, perhaps not for the first time and not in order.

    `provider_keyword` is what the provider itself took the text for: it has acted on it already.
    """

    clinic_id: str
    number: str
    phone_index: str
    phone: str
    message_id: str
    body: str
    sent_at: datetime
    now: datetime
    provider_keyword: Keyword | None = None

    @property
    def keyword(self) -> Keyword | None:
        """The provider's word counts before ours."""
        return self.provider_keyword or keyword_of(self.body)


@dataclass(frozen=True)
class Consent:
    """`decided_at` is the provider's time of the newest STOP or START, whether it changed anything or not."""

    is_opted_out: bool = False
    decided_at: datetime | None = None
    seen: frozenset[str] = frozenset()

    def after_stop(self, sent_at: datetime) -> bool:
        """Whether the phone is opted out once a STOP of that time is known. On a tie the opt-out wins."""
        return self.is_opted_out or self.decided_at is None or sent_at >= self.decided_at

    def after_start(self, sent_at: datetime) -> bool:
        """The same for a START: it lifts only what is older than itself."""
        return self.is_opted_out and self.decided_at is not None and sent_at <= self.decided_at


def decide(command: ReceiveSms, state: Consent) -> list[events.ConsentEvent]:
    """Every text is recorded once: as evidence, and so that a late or repeated one is known for what it is."""
    if command.message_id in state.seen:
        return []
    match command.keyword:
        case "stop":
            is_opted_out = state.after_stop(command.sent_at)
        case "start":
            is_opted_out = state.after_start(command.sent_at)
        case "help" | None:
            is_opted_out = state.is_opted_out
    changed = is_opted_out != state.is_opted_out
    return [_received(command), *([_changed(command, is_opted_out)] if changed else [])]


def _received(command: ReceiveSms) -> events.SmsReceived:
    return events.SmsReceived(
        clinic_id=command.clinic_id,
        number=command.number,
        phone_index=command.phone_index,
        message_id=command.message_id,
        keyword=command.keyword,
        phone=command.phone,
        body=command.body,
        sent_at=command.sent_at,
        received_at=command.now,
    )


def _changed(command: ReceiveSms, is_opted_out: bool) -> events.SmsOptedOut | events.SmsOptedIn:
    where = {"clinic_id": command.clinic_id, "number": command.number, "phone_index": command.phone_index}
    if is_opted_out:
        return events.SmsOptedOut(**where, message_id=command.message_id, opted_out_at=command.sent_at)
    return events.SmsOptedIn(**where, message_id=command.message_id, opted_in_at=command.sent_at)


def evolve(state: Consent, event: events.ConsentEvent) -> Consent:
    match event:
        case events.SmsReceived(message_id=id_, keyword="stop" | "start", sent_at=at):
            newest = max(at, state.decided_at or at)
            return replace(state, seen=state.seen | {id_}, decided_at=newest)
        case events.SmsReceived(message_id=id_):
            return replace(state, seen=state.seen | {id_})
        case events.SmsOptedOut():
            return replace(state, is_opted_out=True)
        case events.SmsOptedIn():
            return replace(state, is_opted_out=False)


sms_consent = Decider[ReceiveSms, events.ConsentEvent, Consent]("smsconsent", Consent(), decide, evolve)
