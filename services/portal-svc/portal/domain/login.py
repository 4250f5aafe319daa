"""Login: one stream for each mail address, named by its blind index, so that an address has one account at most."""

from dataclasses import dataclass
from datetime import datetime

from shared.events.portal import LoginClaimed, LoginEvent, LoginReleased
from shared.kernel.decider import Decider


@dataclass(frozen=True)
class ClaimLogin:
    account_id: str
    now: datetime


@dataclass(frozen=True)
class ReleaseLogin:
    account_id: str
    now: datetime


@dataclass(frozen=True)
class Free: ...


@dataclass(frozen=True)
class Claimed:
    account_id: str


Command = ClaimLogin | ReleaseLogin
Login = Free | Claimed


def decide(command: Command, state: Login) -> list[LoginEvent]:
    """A claim that comes second changes nothing: the state tells whose the address is."""
    match command, state:
        case ClaimLogin(account_id, now), Free():
            return [LoginClaimed(account_id=account_id, claimed_at=now)]
        case ReleaseLogin(account_id, now), Claimed(holder) if holder == account_id:
            return [LoginReleased(account_id=account_id, released_at=now)]
        case _:
            return []


def evolve(_state: Login, event: LoginEvent) -> Login:
    """Whose the address is."""
    match event:
        case LoginClaimed(account_id=account_id):
            return Claimed(account_id)
        case LoginReleased():
            return Free()


login = Decider[Command, LoginEvent, Login]("login", Free(), decide, evolve)
