"""Session: one stream for each login; it counts the refresh tokens, of which only the newest works."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.events.portal import SessionEnd, SessionEnded, SessionEvent, SessionRefreshed, SessionStarted
from shared.kernel.decider import Decider
from shared.kernel.errors import Refused

IDLE = timedelta(days=7)
LIFETIME = timedelta(days=14)
"""Idle and absolute lifetime (ASVS 7.3.1, 7.3.2)."""


@dataclass(frozen=True)
class StartSession:
    session_id: str
    account_id: str
    now: datetime


@dataclass(frozen=True)
class RefreshSession:
    """`number` is that of the refresh token which was shown."""

    number: int
    now: datetime


@dataclass(frozen=True)
class EndSession:
    reason: SessionEnd
    now: datetime


@dataclass(frozen=True)
class NotStarted: ...


@dataclass(frozen=True)
class Live:
    session_id: str
    account_id: str
    started_at: datetime
    refreshed_at: datetime
    number: int = 0

    def is_expired(self, now: datetime) -> bool:
        return now >= self.started_at + LIFETIME or now >= self.refreshed_at + IDLE


@dataclass(frozen=True)
class Ended: ...


Command = StartSession | RefreshSession | EndSession
Session = NotStarted | Live | Ended


def decide(command: Command, state: Session) -> list[SessionEvent]:
    """Refusal: `session-not-live`. A refresh that may not be ends the session instead."""
    match command, state:
        case StartSession(session_id, account_id, now), NotStarted():
            return [SessionStarted(session_id=session_id, account_id=account_id, started_at=now)]
        case RefreshSession(number, now), Live():
            return _refreshed(state, number, now)
        case EndSession(reason, now), Live(session_id):
            return [SessionEnded(session_id=session_id, reason=reason, ended_at=now)]
        case EndSession(), NotStarted() | Ended():
            return []
        case _:
            raise Refused("session-not-live")


def _refreshed(state: Live, number: int, now: datetime) -> list[SessionEvent]:
    if state.is_expired(now):
        return [SessionEnded(session_id=state.session_id, reason="expired", ended_at=now)]
    if number != state.number:
        return [SessionEnded(session_id=state.session_id, reason="reused", ended_at=now)]
    return [SessionRefreshed(session_id=state.session_id, number=number + 1, refreshed_at=now)]


def evolve(state: Session, event: SessionEvent) -> Session:
    """What an event makes of the session."""
    match event, state:
        case SessionStarted(), _:
            return Live(event.session_id, event.account_id, event.started_at, event.started_at)
        case SessionRefreshed(), Live():
            return replace(state, number=event.number, refreshed_at=event.refreshed_at)
        case SessionEnded(), _:
            return Ended()
        case _:
            return state


session = Decider[Command, SessionEvent, Session]("session", NotStarted(), decide, evolve)
