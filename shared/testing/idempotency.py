"""An idempotency store in memory, held to the same tests as the real one."""

from dataclasses import dataclass
from datetime import datetime

from shared.chassis.clock import now
from shared.chassis.idempotency_store import LEASE, TTL, Claim, Outcome, StoredAnswer


@dataclass
class _Known:
    claim: Claim
    leased_until: datetime
    expires_at: datetime
    answer: StoredAnswer | None = None


class MemoryIdempotencyStore:
    """See `IdempotencyStore`."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    async def claim(self, claim: Claim) -> Outcome:
        """See `IdempotencyStore`."""
        known = self._known.get(claim.key_id)
        if known and known.expires_at > now():
            if known.claim.fingerprint != claim.fingerprint:
                return Outcome(is_other_payload=True)
            if known.answer:
                return Outcome(answer=known.answer)
            if known.leased_until > now():
                return Outcome()
        self._known[claim.key_id] = _Known(claim, now() + LEASE, now() + TTL)
        return Outcome(is_ours=True)

    async def renew(self, claim: Claim) -> None:
        """See `IdempotencyStore`."""
        if known := self._own(claim):
            known.leased_until = now() + LEASE

    async def finish(self, claim: Claim, answer: StoredAnswer) -> None:
        """See `IdempotencyStore`."""
        if known := self._own(claim):
            known.answer = answer

    async def release(self, claim: Claim, *, forget: bool) -> None:
        """See `IdempotencyStore`."""
        if known := self._own(claim):
            known.leased_until = now()
            if forget:
                del self._known[claim.key_id]

    def _own(self, claim: Claim) -> _Known | None:
        known = self._known.get(claim.key_id)
        return known if known and known.claim.owner == claim.owner else None
