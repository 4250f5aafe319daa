"""Fingerprints of records: one digest of fixed width for each field, one after another."""

from collections.abc import Sequence

DIGEST_CHARACTERS = 8


def changed_fields(names: Sequence[str], before: str, after: str) -> tuple[str, ...]:
    """Which of `names` have another digest in `after`; a field that `before` did not have yet counts as changed."""
    return tuple(name for i, name in enumerate(names) if _digest(before, i) != _digest(after, i))


def _digest(fingerprint: str, index: int) -> str:
    return fingerprint[index * DIGEST_CHARACTERS : (index + 1) * DIGEST_CHARACTERS]
