"""Tokens that must not open anything (security C.4), on every operation that needs one."""

import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.testing.clocks import NOON

pytestmark = pytest.mark.anyio
HOME = "/clinics/elm/home"


def good_claims(portal: Any) -> dict[str, Any]:
    token = portal.issuer.issue("a1", "owner", ["elm"], "s1", client_ids={"elm": "42"})
    return dict(jwt.decode(token, options={"verify_signature": False}))


def signed(portal: Any, claims: dict[str, Any], **headers: Any) -> str:
    key = portal.issuer._signing
    return jwt.encode(claims, key.private, "EdDSA", {"typ": "at+jwt", "kid": key.kid, **headers})


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = (urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims))
    return ".".join((*parts, ""))


def bad_tokens(portal: Any) -> dict[str, str]:
    claims, key = good_claims(portal), portal.issuer._signing
    at = int(NOON.timestamp())
    stranger = Ed25519PrivateKey.generate()
    typed = {"typ": "at+jwt", "kid": key.kid}
    return {
        "no signature": unsigned({**typed, "alg": "none"}, claims),
        "HMAC with the public key": jwt.encode(claims, key.x.ljust(43, "_"), "HS256", typed),
        "another key under our id": jwt.encode(claims, stranger, "EdDSA", typed),
        "unknown key id": signed(portal, claims, kid="unknown"),
        "its own key set": signed(portal, claims, kid="theirs", jku="https://attacker.example/keys.json"),
        "critical extension": signed(portal, claims, crit=["b64"], b64=True),
        "another type": signed(portal, claims, typ="JWT"),
        "another audience": signed(portal, claims | {"aud": "another"}),
        "another issuer": signed(portal, claims | {"iss": "https://attacker.example"}),
        "expired": signed(portal, claims | {"exp": at - 31}),
        "not valid yet": signed(portal, claims | {"nbf": at + 31}),
        "every clinic, but no operator": signed(portal, claims | {"clinics": ["*"], "client_ids": {}}),
        "no such role": signed(portal, claims | {"role": "root"}),
        "64 kB": signed(portal, claims | {"sub": "x" * 65_536}),
        "no token at all": "x",
    }


async def test_a_good_token_opens_the_door(portal: Any) -> None:
    token = signed(portal, good_claims(portal))
    assert (await portal.get(HOME, {"Authorization": f"Bearer {token}"})).status_code == 200


async def test_c4_bad_tokens_open_nothing(portal: Any) -> None:
    for why, token in bad_tokens(portal).items():
        answer = await portal.get(HOME, {"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "token-invalid"), why
        assert answer.headers["www-authenticate"].startswith("Bearer "), why


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic eDp5"}, {"X-Vetwire-Subject": "a1"}])
async def test_without_a_token_nothing_opens(portal: Any, headers: dict[str, str]) -> None:
    answer = await portal.get(HOME, headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "token-required")


async def test_api5_every_operation_but_the_doors_needs_a_token(portal: Any) -> None:
    opened = set()
    for path, operations in portal.app.openapi()["paths"].items():
        for method in operations:
            url = path.replace("{clinic_id}", "elm").replace("{account_id}", "0" * 32)
            url = url.replace("{client_id}", f"pims_{'0' * 32}").replace("{patient_id}", "1")
            answer = await portal.http.request(method.upper(), url, json={})
            if answer.status_code != 401 or answer.json().get("code") != "token-required":
                opened.add(path.removeprefix("/api/portal/v1"))
    assert opened == {
        "/.well-known/jwks.json",
        "/login",
        "/logout",
        "/token/refresh",
        "/oauth/token",
        "/activations",
    }


async def test_a_token_lives_ten_minutes(portal: Any) -> None:
    headers = portal.owner()
    portal.moment.now = NOON + timedelta(minutes=10, seconds=29)
    assert (await portal.get(HOME, headers)).status_code == 200
    portal.moment.now = NOON + timedelta(minutes=10, seconds=30)
    assert (await portal.get(HOME, headers)).status_code == 401


async def test_the_published_keys_are_public_keys(portal: Any) -> None:
    answer = await portal.get("/.well-known/jwks.json")
    (key,) = answer.json()["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}
    assert answer.headers["cache-control"] == "public, max-age=60"
