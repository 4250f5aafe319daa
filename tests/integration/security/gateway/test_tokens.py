"""Access tokens at the edge (security C.4), and who may say who the caller is."""

import base64
import hmac
import json
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.chassis.clock import now
from tests.integration.security.gateway.rig import (
    HOME,
    Edge,
    Mint,
    edge,
    free_port,
    gateway_to,
    is_problem,
    upstream,
    wait_until,
)

pytestmark = [pytest.mark.servers, pytest.mark.timeout(90)]


def test_c4_a_request_without_token_is_refused_with_a_challenge(door: Edge) -> None:
    answer = door.ask(HOME)
    is_problem(answer, 401, "token-missing-or-invalid")
    assert answer.headers["www-authenticate"] == 'Bearer realm="vetwire"'


def test_asvs_4_1_3_the_service_sees_the_tokens_claims_and_never_the_clients_own_headers(
    door: Edge, mint: Mint
) -> None:
    forged = dict.fromkeys(("X-Vetwire-Subject", "X-Vetwire-Role", "X-VETWIRE-Anything", "X-Tenant", "X-Sub"), "boss")
    more = dict.fromkeys(("X-User-Id", "Forwarded", "X-Forwarded-Client-Cert", "X-Envoy-Upstream-Rq-Timeout-Ms"), "1")
    answer = door.ask(HOME, mint.token(), headers={**forged, **more})
    seen = {name.lower(): value for name, value in answer.json["headers"].items()}
    assert seen["x-vetwire-subject"] == "staff-1"
    assert seen["x-vetwire-role"] == "staff"
    assert seen["x-vetwire-token-id"] == "token-1"
    assert json.loads(base64.urlsafe_b64decode(seen["x-vetwire-clinics"] + "==")) == ["clinic-a"]
    assert seen.keys().isdisjoint(
        {"x-vetwire-anything", "x-tenant", "x-sub", "x-user-id", "forwarded", "x-forwarded-client-cert"}
    )
    assert "x-envoy-upstream-rq-timeout-ms" not in seen
    assert seen["authorization"].startswith("Bearer ")


def test_a_public_route_strips_identity_headers_too(door: Edge) -> None:
    answer = door.ask("/api/portal/v1/login", method="POST", body=b"{}", headers={"X-Vetwire-Role": "operator"})
    assert answer.status == 200
    assert "x-vetwire-role" not in {name.lower() for name in answer.json["headers"]}


def test_c4_a_token_of_the_second_key_passes(door: Edge, mint: Mint) -> None:
    assert door.ask(HOME, mint.token("two")).status == 200


def _hs256_with_the_public_key(mint: Mint) -> str:
    secret = mint.keys["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsigned = mint.unsigned("HS256")
    signature = hmac.new(secret, unsigned.encode(), sha256).digest()
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_c4_tokens_that_nobody_here_signed_are_refused(door: Edge, mint: Mint) -> None:
    stranger = Ed25519PrivateKey.generate()
    good = mint.token()
    bad = {
        "another key under a known id": mint.signed_by(stranger, "one"),
        "an unknown key id": mint.signed_by(stranger, "nine"),
        "alg none": mint.unsigned("none") + ".",
        "hs256 with the public key": _hs256_with_the_public_key(mint),
        "a changed signature": good[:-8] + "AAAAAAAA",
        "another issuer": mint.token(iss="https://elsewhere.example"),
        "not a token": "abc",
    }
    assert {name: door.ask(HOME, token).status for name, token in bad.items()} == dict.fromkeys(bad, 401)


def test_c4_expired_and_endless_and_future_tokens_are_refused(door: Edge, mint: Mint) -> None:
    moment = int(now().timestamp())
    assert door.ask(HOME, mint.token(exp=moment - 60)).status == 401
    assert door.ask(HOME, mint.token(exp=None)).status == 401
    assert door.ask(HOME, mint.token(nbf=moment + 600)).status == 401


def test_c4_a_token_for_another_audience_is_refused(door: Edge, mint: Mint) -> None:
    is_problem(door.ask(HOME, mint.token(aud="another-api")), 403, "token-not-for-this-api")


def test_asvs_14_2_1_a_token_in_the_address_does_not_count(door: Edge, mint: Mint) -> None:
    assert door.ask(f"{HOME}?access_token={mint.token()}").status == 401


def test_a_token_of_64_kb_is_refused(door: Edge) -> None:
    is_problem(door.ask(HOME, "a" * 65_536), 431, "headers-too-large")


def test_keys_are_found_when_portal_starts_after_the_gateway(mint: Mint, tmp_path: Path) -> None:
    port = free_port()
    with edge(gateway_to(port, free_port()), tmp_path) as early:
        answer = early.ask(HOME, mint.token())
        is_problem(answer, 503, "service-unavailable")
        assert "/home" not in str(answer.headers), "Envoy's own challenge repeats the path"
        assert early.ask(HOME).status == 401
        with upstream(mint, port):
            wait_until(lambda: early.ask(HOME, mint.token()).status == 200, 5)
