"""The secrets of a new installation, and the probe that containers are asked with."""

import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from deploy.docker.first_secrets import draw
from deploy.docker.probe import well
from shared.chassis.settings import ChassisSettings


def _content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_production_accepts_what_was_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path / "shared", tmp_path / "portal")
    monkeypatch.setenv("VETWIRE_SECRETS_DIR", str(tmp_path / "portal"))
    settings = ChassisSettings(
        env="production",
        public_url="https://portal.example",
        issuer="https://portal.example",
        allow_plaintext=frozenset({"eventstore", "kafka", "mongodb", "jwks", "smtp"}),
    )
    assert settings.violations() == []
    assert settings.bootstrap_operator is not None
    assert len(settings.kek_bytes) == len(settings.token_secret_bytes) == 32


def test_portal_alone_gets_the_operator_and_the_signing_key(tmp_path: Path) -> None:
    shared, portal = tmp_path / "shared", tmp_path / "portal"
    draw(shared, portal)
    both = {"vetwire_kek", "vetwire_token_secret"}
    assert _content(shared).keys() == both
    assert _content(portal).keys() == both | {"vetwire_bootstrap_operator", "signing/0001.pem"}
    assert {name: _content(portal)[name] for name in both} == _content(shared)
    key = load_pem_private_key((portal / "signing/0001.pem").read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)


def test_a_second_run_changes_nothing_and_a_rotated_key_stays(tmp_path: Path) -> None:
    shared, portal = tmp_path / "shared", tmp_path / "portal"
    assert len(draw(shared, portal)) == 6
    (portal / "signing/0001.pem").rename(portal / "signing/0002.pem")
    before = (_content(shared), _content(portal))
    assert draw(shared, portal) == []
    assert (_content(shared), _content(portal)) == before


def test_an_interrupted_run_is_finished_by_the_next(tmp_path: Path) -> None:
    shared, portal = tmp_path / "shared", tmp_path / "portal"
    draw(shared, portal)
    (portal / "vetwire_token_secret").unlink()
    (portal / ".vetwire_token_secret.draft").write_text("half")
    assert draw(shared, portal) == [portal / "vetwire_token_secret"]
    assert (portal / "vetwire_token_secret").read_text() == (shared / "vetwire_token_secret").read_text()


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    for path in draw(tmp_path / "shared", tmp_path / "portal"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o400
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


class _Half(BaseHTTPRequestHandler):
    def answer(self) -> None:
        """Alive, not ready."""
        self.send_response(200 if self.path == "/livez" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


for _verb in ("GET",):
    setattr(_Half, f"do_{_verb}", _Half.answer)


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), _Half) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join(5)


def test_the_probe_tells_well_from_not_ready_and_from_gone(port: int) -> None:
    assert well(port, "/livez")
    assert not well(port, "/readyz")
    assert not well(1, "/livez")
