"""Keyed digests of rows and records: enough to see that something changed, nothing to read anything from."""

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import orjson

from pims_sync.domain.changes import DIGEST_CHARACTERS
from pims_sync.vendors.profile import Profile

_DIGEST_BYTES = DIGEST_CHARACTERS * 3 // 4
_ROW_BYTES = 15


class Fingerprints:
    """For one service's secret and one vendor's files."""

    def __init__(self, secret: bytes, profile: Profile) -> None:
        key = hmac.digest(secret, b"pims-sync-fingerprint", "sha256")
        self._row = blake2b(f"{profile.vendor}/{profile.revision}/".encode(), digest_size=_ROW_BYTES, key=key)
        self._field = blake2b(digest_size=_DIGEST_BYTES, key=key)

    def of_row(self, cells: Sequence[str]) -> str:
        """20 characters. The cells that are mapped count, and the version of the mapping."""
        digest = self._row.copy()
        digest.update("\x1f".join(cells).encode("utf-8", "surrogatepass"))
        return b64encode(digest.digest()).decode()

    def of_record(self, stream: str, names: Sequence[str], record: Mapping[str, Any]) -> str:
        """8 characters for each name. The stream goes in, so that equal values of two people look different."""
        whole = self._field.copy()
        whole.update(stream.encode())
        digests = []
        for name in names:
            digest = whole.copy()
            digest.update(orjson.dumps((name, record[name])))
            digests.append(digest.digest())
        return b64encode(b"".join(digests)).decode()
