"""Credential: one stream for each machine that gets tokens by client credentials (RFC 6749 section 4.4)."""

from dataclasses import dataclass
from datetime import datetime

from shared.events.portal import CredentialEvent, PimsClientRegistered, PimsClientRevoked
from shared.kernel.decider import Decider
from shared.kernel.errors import Refused


@dataclass(frozen=True)
class RegisterPimsClient:
    """`secret_hash`: SHA-256 (hex) of the secret."""

    client_id: str
    clinic_id: str
    label: str
    secret_hash: str
    now: datetime


@dataclass(frozen=True)
class RevokePimsClient:
    clinic_id: str
    now: datetime


@dataclass(frozen=True)
class NotRegistered: ...


@dataclass(frozen=True)
class Valid:
    client_id: str
    clinic_id: str
    secret_hash: str


@dataclass(frozen=True)
class Revoked:
    clinic_id: str


Command = RegisterPimsClient | RevokePimsClient
Credential = NotRegistered | Valid | Revoked


def decide(command: Command, state: Credential) -> list[CredentialEvent]:
    """Refusals: `pims-client-exists`, `not-found` (also for one of another clinic)."""
    match command, state:
        case RegisterPimsClient(), NotRegistered():
            return [
                PimsClientRegistered(
                    client_id=command.client_id,
                    clinic_id=command.clinic_id,
                    label=command.label,
                    secret_hash=command.secret_hash,
                    registered_at=command.now,
                )
            ]
        case RegisterPimsClient(), Valid() | Revoked():
            raise Refused("pims-client-exists")
        case RevokePimsClient(clinic_id, now), Valid(client_id, home) if home == clinic_id:
            return [PimsClientRevoked(client_id=client_id, clinic_id=clinic_id, revoked_at=now)]
        case RevokePimsClient(clinic_id), Revoked(home) if home == clinic_id:
            return []
        case _:
            raise Refused("not-found")


def evolve(_state: Credential, event: CredentialEvent) -> Credential:
    """What an event makes of the credential."""
    match event:
        case PimsClientRegistered():
            return Valid(event.client_id, event.clinic_id, event.secret_hash)
        case PimsClientRevoked():
            return Revoked(event.clinic_id)


credential = Decider[Command, CredentialEvent, Credential]("credential", NotRegistered(), decide, evolve)
