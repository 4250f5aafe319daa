"""The mailbox's folder as evidence."""

from collections.abc import Iterable
from email import policy
from email.parser import BytesParser
from pathlib import Path

from tests.integration.chaos.evidence import Mail


def mails_since(files: Iterable[Path], first: str) -> list[Mail]:
    """Deliveries whose file is named after `first`, in the order of arrival."""
    return [_mail(path.read_bytes()) for path in sorted(files) if path.name > first]


def _mail(raw: bytes) -> Mail:
    read = BytesParser(policy=policy.default).parsebytes(raw)
    body = read.get_body(("plain",))
    effect = str(read["Message-ID"]).strip("<>").removesuffix("@vetwire")
    return Mail(effect, str(read["X-Envelope-To"]), str(body.get_content()) if body is not None else "")
