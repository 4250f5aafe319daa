"""ASVS 9.1.1-9.1.3, 9.2.1-9.2.4; RFC 8725; RFC 9068."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.chassis.clock import Clock, frozen_at, now, use_clock
from shared.chassis.verifier import CACHE_AGE, LEEWAY, InvalidToken, Verifier
from shared.testing.tokens import Mint

pytestmark = pytest.mark.anyio


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hand_made(header: Mapping[str, Any], claims: Mapping[str, Any], signature: bytes = b"") -> str:
    return f"{segment(dict(header))}.{segment(dict(claims))}.{segment(signature)}"


async def reason(verifier: Verifier, token: str) -> str:
    with pytest.raises(InvalidToken) as refusal:
        await verifier.verify(token)
    return refusal.value.reason


async def test_a_good_token_tells_who_may_do_what(mint: Mint) -> None:
    token = mint.token("owner", ("elm", "oak"), client_ids={"elm": "C1"})
    who = await mint.verifier().verify(token)
    assert (who.subject, who.role, who.session_id) == ("owner-1", "owner", "session-1")
    assert who.clinics == {"elm", "oak"}
    assert who.client_ids == {"elm": "C1"}
    assert who.may_enter("elm")
    assert not who.may_enter("ash")


async def test_an_operator_may_enter_every_clinic_but_star_is_none(mint: Mint) -> None:
    who = await mint.verifier().verify(mint.token("operator", ("*",)))
    assert who.may_enter("elm")
    assert not who.may_enter("*")


async def test_alg_none_is_refused(mint: Mint) -> None:
    for alg in ("none", "None", "NONE", ""):
        token = hand_made({"alg": alg, "typ": "at+jwt", "kid": mint.key.kid}, mint.claims())
        assert await reason(mint.verifier(), token) in {"algorithm", "malformed"}


async def test_hs256_with_the_public_key_as_secret_is_refused(mint: Mint) -> None:
    public = mint.key.private.public_key()
    for secret in (
        public.public_bytes(Encoding.Raw, PublicFormat.Raw),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ):
        header = {"alg": "HS256", "typ": "at+jwt", "kid": mint.key.kid}
        signed = f"{segment(header)}.{segment(mint.claims())}"
        mac = hmac.digest(secret, signed.encode(), hashlib.sha256)
        assert await reason(mint.verifier(), f"{signed}.{segment(mac)}") == "algorithm"


async def test_the_newer_name_of_the_algorithm_is_refused(mint: Mint) -> None:
    """The gateway knows `EdDSA` only: a token that passes here and not there helps nobody."""
    header = {"alg": "Ed25519", "typ": "at+jwt", "kid": mint.key.kid}
    signed = f"{segment(header)}.{segment(mint.claims())}"
    token = f"{signed}.{segment(mint.key.private.sign(signed.encode()))}"
    assert await reason(mint.verifier(), token) == "algorithm"


async def test_a_key_of_the_same_id_that_is_not_the_issuers_is_refused(mint: Mint) -> None:
    forger = Mint()
    token = forger.sign(forger.claims(), kid=mint.key.kid)
    assert await reason(mint.verifier(), token) == "InvalidSignatureError"


async def test_changed_claims_are_refused(mint: Mint) -> None:
    header, _, signature = mint.token().split(".")
    token = f"{header}.{segment(mint.claims('operator', ('*',)))}.{signature}"
    assert await reason(mint.verifier(), token) == "InvalidSignatureError"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"aud": "another-api"}, "InvalidAudienceError"),
        ({"aud": None}, "MissingRequiredClaimError"),
        ({"iss": "https://evil.example"}, "unknown-issuer"),
        ({"iss": None}, "unknown-issuer"),
        ({"exp": None}, "claims: exp"),
        ({"exp": "9999999999"}, "claims: exp"),
        ({"exp": True}, "claims: exp"),
        ({"exp": 1e300}, "claims: exp"),
        ({"sub": None}, "claims: sub"),
        ({"sub": ""}, "claims: sub"),
        ({"sid": None}, "claims: sid"),
        ({"jti": None}, "claims: jti"),
        ({"role": "admin"}, "claims: role"),
        ({"clinics": "elm"}, "claims: clinics"),
        ({"clinics": [1]}, "claims: clinics"),
        ({"clinics": ["*"]}, "every-clinic"),
        ({"client_ids": {"elm": "C1"}}, "client-ids"),
    ],
)
async def test_wrong_claims_are_refused(mint: Mint, claims: dict[str, Any], expected: str) -> None:
    changed = {**mint.claims(), **claims}
    token = mint.sign({name: value for name, value in changed.items() if value is not None})
    assert await reason(mint.verifier(), token) == expected


async def test_a_client_id_in_a_clinic_that_is_not_in_the_token_is_refused(mint: Mint) -> None:
    token = mint.token("owner", ("elm",), client_ids={"oak": "C1"})
    assert await reason(mint.verifier(), token) == "client-ids"


@pytest.mark.parametrize("typ", ["JWT", "id+jwt", "", None, 7])
async def test_a_token_of_another_type_is_refused(mint: Mint, typ: Any) -> None:
    header = {"alg": "EdDSA", "kid": mint.key.kid, "typ": typ}
    signed = f"{segment(header)}.{segment(mint.claims())}"
    token = f"{signed}.{segment(mint.key.private.sign(signed.encode()))}"
    assert await reason(mint.verifier(), token) == "type"


async def test_the_long_form_of_the_type_is_the_same_type(mint: Mint) -> None:
    await mint.verifier().verify(mint.sign(mint.claims(), typ="application/AT+JWT"))


async def test_an_expired_token_is_refused_after_the_leeway(mint: Mint) -> None:
    token = mint.token(exp=int(now().timestamp()))
    verifier = mint.verifier()
    await verifier.verify(token)
    with use_clock(frozen_at(now() + LEEWAY + timedelta(seconds=1))):
        assert await reason(verifier, token) == "expired"
        assert await reason(mint.verifier(), token) == "expired"


@pytest.mark.parametrize("claim", ["nbf", "iat"])
async def test_a_token_from_the_future_is_refused_beyond_the_leeway(mint: Mint, claim: str) -> None:
    soon, later = (int((now() + LEEWAY + timedelta(seconds=s)).timestamp()) for s in (-5, 60))
    await mint.verifier().verify(mint.sign({**mint.claims(), claim: soon}))
    assert await reason(mint.verifier(), mint.sign({**mint.claims(), claim: later})) == "not-yet-valid"


async def test_an_unknown_key_id_is_refused(mint: Mint) -> None:
    assert await reason(mint.verifier(), mint.sign(mint.claims(), kid="unknown")) == "unknown-key"


async def test_a_missing_key_id_is_refused(mint: Mint) -> None:
    token = hand_made({"alg": "EdDSA", "typ": "at+jwt"}, mint.claims(), b"x" * 64)
    assert await reason(mint.verifier(), token) == "header"


async def test_where_the_token_says_its_key_is_does_not_matter(mint: Mint) -> None:
    """A verifier that fetched `jku` or believed `jwk` would let the forger in."""
    forger = Mint()
    for extra in (
        {"jku": "https://evil.example/jwks.json"},
        {"jwk": forger.key.jwk()},
        {"x5u": "https://evil.example/cert.pem"},
    ):
        token = forger.sign(forger.claims(), **extra)
        assert await reason(mint.verifier(), token) == "unknown-key"
        token = forger.sign(forger.claims(), kid=mint.key.kid, **extra)
        assert await reason(mint.verifier(), token) == "InvalidSignatureError"
        await mint.verifier().verify(mint.sign(mint.claims(), **extra))


async def test_critical_extensions_are_refused(mint: Mint) -> None:
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": mint.key.kid, "crit": ["b64"], "b64": True}
    signed = f"{segment(header)}.{segment(mint.claims())}"
    token = f"{signed}.{segment(mint.key.private.sign(signed.encode()))}"
    assert await reason(mint.verifier(), token) in {"header", "malformed"}


async def test_a_token_of_64_kb_is_refused_unread(mint: Mint) -> None:
    assert await reason(mint.verifier(), mint.token(padding="x" * 65_536)) == "too-long"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a",
        "a.b",
        "a.b.c",
        "....",
        "é.é.é",
        hand_made({"alg": "EdDSA", "typ": "at+jwt", "kid": "k"}, {}).replace(".", "..", 1),
        segment(b"[1]") + "." + segment(b"{}") + ".",
        segment({"alg": "EdDSA", "typ": "at+jwt", "kid": "k"}) + "." + segment(b"[1]") + ".",
        segment({"alg": "EdDSA", "typ": "at+jwt", "kid": "k"}) + "." + segment(b"[" * 5_000) + ".",
        segment({"alg": "EdDSA", "typ": "at+jwt", "kid": "k"}) + "." + segment(b"\xff\xfe") + ".",
    ],
)
async def test_rubbish_is_refused(mint: Mint, token: str) -> None:
    assert await reason(mint.verifier(), token) == "malformed"


async def test_another_trusted_issuer_is_believed_with_its_own_keys_only(mint: Mint) -> None:
    other = Mint(issuer="https://idp.example")
    verifier = Verifier({mint.issuer: mint.keys, other.issuer: other.keys}, mint.audience)
    await verifier.verify(other.token())
    swapped = other.sign({**other.claims(), "iss": mint.issuer})
    assert await reason(verifier, swapped) == "unknown-key"


async def test_a_withdrawn_key_stops_working_although_its_token_was_seen_before(mint: Mint) -> None:
    successor = Mint()
    published = [mint.key.jwk()]

    async def keys() -> Mapping[str, Any]:
        return {"keys": published}

    verifier = Verifier({mint.issuer: keys}, mint.audience)
    token = mint.token(exp=int((now() + timedelta(hours=2)).timestamp()))
    await verifier.verify(token)
    published[:] = [successor.key.jwk()]
    with use_clock(frozen_at(now() + timedelta(minutes=6))):
        assert await reason(verifier, token) == "unknown-key"


async def test_a_token_is_verified_once_a_minute() -> None:
    mint = Mint()
    moment = datetime(2026, 11, 22, 12, tzinfo=UTC)
    times = {"now": moment}
    fetched = []

    async def keys() -> Mapping[str, Any]:
        fetched.append(times["now"])
        return {"keys": [mint.key.jwk()]}

    with use_clock(Clock(now=lambda: times["now"])):
        verifier = Verifier({mint.issuer: keys}, mint.audience)
        token = mint.token(exp=int(moment.timestamp()) + 3600)
        first = await verifier.verify(token)
        assert await verifier.verify(token) is first
        times["now"] = moment + CACHE_AGE
        assert await verifier.verify(token) is not first
    assert len(fetched) == 1


async def test_the_memory_of_tokens_is_bounded(mint: Mint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.chassis.verifier.CACHE_SIZE", 2)
    verifier = mint.verifier()
    tokens = [mint.token() for _ in range(3)]
    first = [await verifier.verify(token) for token in tokens]
    again = [await verifier.verify(token) for token in reversed(tokens)]
    assert [new is old for new, old in zip(again, reversed(first), strict=True)] == [True, True, False]
