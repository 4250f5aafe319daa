"""Draw the secrets of a new installation: `python -m deploy.docker.first_secrets SHARED PORTAL`.

SHARED gets what every service reads (`vetwire_kek`, `vetwire_token_secret`); PORTAL gets the same and what portal-svc
alone may know (`vetwire_bootstrap_operator`, `signing/*.pem`). A file that exists is never changed: losing the first
one makes every personal field unreadable, so these folders belong in the backup, apart from the data.
"""

import base64
import os
import secrets
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

KEY_BYTES = 32


def draw(shared: Path, portal: Path) -> list[Path]:
    """Make what is missing, and return the files that are new. Raises OSError when a folder cannot be written."""
    new = [*_drawn(shared, ("vetwire_kek", "vetwire_token_secret"), key)]
    for path in sorted(shared.glob("vetwire_*")):
        new += _drawn(portal, (path.name,), path.read_text)
    new += _drawn(portal, ("vetwire_bootstrap_operator",), operator)
    if not any((portal / "signing").glob("*.pem")):
        new += _drawn(portal / "signing", ("0001.pem",), signing_key)
    return new


def _drawn(folder: Path, names: Iterable[str], content: Callable[[], str]) -> list[Path]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    missing = [folder / name for name in names if not (folder / name).exists()]
    for path in missing:
        _write(path, content())
    return missing


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and readable by its owner alone."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def key() -> str:
    """Base64 of 32 random bytes."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def operator() -> str:
    """`operator:<secret>`: the first operator's credential."""
    return f"operator:{secrets.token_urlsafe(32)}"


def signing_key() -> str:
    """An Ed25519 private key as PEM (PKCS 8)."""
    drawn = Ed25519PrivateKey.generate()
    return drawn.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


if __name__ == "__main__":
    for made in draw(Path(sys.argv[1]), Path(sys.argv[2])):
        print(f"new secret: {made}")
