"""Secrets of one installation, drawn on its first start and kept under its root with mode 0600."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.docker import first_secrets


@dataclass(frozen=True, slots=True)
class Secrets:
    """`kek` and `token_secret`: base64 of 32 bytes; `operator`: `client_id:secret`; `signing`: folder of *.pem."""

    kek: str
    token_secret: str
    operator: str
    signing: Path


def secrets_of(root: Path) -> Secrets:
    """Read them, drawing those that are missing."""
    folder = root / "secrets"
    signing = folder / "signing"
    signing.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    if not any(signing.glob("*.pem")):
        _keep(signing / "0001.pem", first_secrets.signing_key)
    return Secrets(
        kek=_keep(folder / "vetwire_kek", first_secrets.key),
        token_secret=_keep(folder / "vetwire_token_secret", first_secrets.key),
        operator=_keep(folder / "vetwire_bootstrap_operator", first_secrets.operator),
        signing=signing,
    )


def _keep(path: Path, draw: Callable[[], str]) -> str:
    """The file's content; drawn and written in one step when it is not there."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(draw())
        draft.replace(path)
    return path.read_text()
