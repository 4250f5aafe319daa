"""Twilio's signature: HMAC-SHA1 over the public URL and the sorted form fields, in `X-Twilio-Signature`."""

import hmac
from base64 import b64encode
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit, urlunsplit

Field = tuple[str, str]
DEFAULT_PORT = {"https": 443, "http": 80}


def signature(auth_token: str, url: str, fields: Iterable[Field]) -> str:
    """Base64. Fields are sorted by name, then value; one that comes twice with the same value counts once."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    return b64encode(hmac.digest(auth_token.encode(), text.encode(), "sha1")).decode()


def is_genuine(auth_token: str, url: str, fields: Sequence[Field], given: str) -> bool:
    """Whether `given` is the signature, in constant time. Twilio may or may not have put a port into the URL."""
    wanted = [signature(auth_token, spelling, fields) for spelling in _spellings(url)]
    return any(hmac.compare_digest(each.encode(), given.encode()) for each in wanted)


def _spellings(url: str) -> list[str]:
    parts = urlsplit(url)
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    with_port = f"{host}:{parts.port or DEFAULT_PORT[parts.scheme]}"
    return [url, *(urlunsplit(parts._replace(netloc=netloc)) for netloc in (host, with_port))]
