import hashlib
from pathlib import Path

import jwt
import pytest
from argon2 import extract_parameters
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.chassis import tokens
from shared.chassis.tokens import (
    SigningKey,
    TokenIssuer,
    blind_index,
    check_token,
    derive_token,
    hash_password,
    needs_rehash,
    verify_password,
)
from shared.chassis.verifier import InvalidToken, Verifier
from shared.testing.tokens import AUDIENCE, ISSUER

SECRET = b"s" * 32


def write_key(folder: Path, name: str) -> SigningKey:
    key = Ed25519PrivateKey.generate()
    (folder / name).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return SigningKey(key)


def issuer_of(folder: Path) -> TokenIssuer:
    return TokenIssuer(folder, ISSUER, AUDIENCE)


def test_the_key_id_is_the_thumbprint_of_rfc_8037_appendix_a() -> None:
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(seed))
    assert key.x == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.anyio
async def test_an_issued_token_is_verified_with_the_published_keys(tmp_path: Path) -> None:
    write_key(tmp_path, "2026-11.pem")
    issuer = issuer_of(tmp_path)
    verifier = Verifier({ISSUER: issuer.published_keys}, AUDIENCE)
    who = await verifier.verify(issuer.issue("owner-1", "owner", ["elm"], "s-1", client_ids={"elm": "C1"}))
    assert (who.subject, who.role, dict(who.client_ids)) == ("owner-1", "owner", {"elm": "C1"})


def test_extra_claims_cannot_replace_the_issuers_own(tmp_path: Path) -> None:
    write_key(tmp_path, "2026-11.pem")
    token = issuer_of(tmp_path).issue("o", "owner", ["elm"], "s", exp=9_999_999_999, iss="https://evil.example")
    assert "9999999999" not in token
    assert issuer_of(tmp_path).lifetime <= 600


def test_the_newest_name_signs_all_are_published_and_next_waits(tmp_path: Path) -> None:
    old, new, coming = (write_key(tmp_path, name) for name in ("2026-10.pem", "2026-11.pem", "2026-12.next.pem"))
    issuer = issuer_of(tmp_path)
    assert {key["kid"] for key in issuer.jwks()["keys"]} == {old.kid, new.kid, coming.kid}
    assert kid_of(issuer) == new.kid


def test_renaming_the_waiting_key_makes_it_sign(tmp_path: Path) -> None:
    write_key(tmp_path, "2026-11.pem")
    coming = write_key(tmp_path, "2026-12.next.pem")
    (tmp_path / "2026-12.next.pem").rename(tmp_path / "2026-12.pem")
    assert kid_of(issuer_of(tmp_path)) == coming.kid


def kid_of(issuer: TokenIssuer) -> str:
    kid = jwt.get_unverified_header(issuer.issue("o", "owner", ["elm"], "s"))["kid"]
    assert isinstance(kid, str)
    return kid


@pytest.mark.anyio
async def test_a_token_of_the_old_key_lives_until_that_is_removed(tmp_path: Path) -> None:
    write_key(tmp_path, "2026-10.pem")
    token = issuer_of(tmp_path).issue("o", "owner", ["elm"], "s")
    write_key(tmp_path, "2026-11.pem")
    await Verifier({ISSUER: issuer_of(tmp_path).published_keys}, AUDIENCE).verify(token)
    (tmp_path / "2026-10.pem").unlink()
    with pytest.raises(InvalidToken):
        await Verifier({ISSUER: issuer_of(tmp_path).published_keys}, AUDIENCE).verify(token)


def test_nothing_private_is_published(tmp_path: Path) -> None:
    write_key(tmp_path, "2026-11.pem")
    assert set(issuer_of(tmp_path).jwks()["keys"][0]) == {"kty", "crv", "x", "kid", "use", "alg"}


def test_a_folder_without_a_usable_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no signing key"):
        issuer_of(tmp_path)
    write_key(tmp_path, "2026-12.next.pem")
    with pytest.raises(ValueError, match="no signing key"):
        issuer_of(tmp_path)
    rsa = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "2026-11.pem").write_bytes(rsa)
    with pytest.raises(ValueError, match="not an Ed25519"):
        issuer_of(tmp_path)


def test_a_derived_token_fits_only_what_it_is_for() -> None:
    token = derive_token(SECRET, "invite", "t1", "ann@example.org")
    assert check_token(SECRET, "invite", "t1", "ann@example.org", token)
    assert not check_token(SECRET, "reset", "t1", "ann@example.org", token)
    assert not check_token(SECRET, "invite", "t2", "ann@example.org", token)
    assert not check_token(SECRET, "invite", "t1", "bob@example.org", token)
    assert not check_token(b"r" * 32, "invite", "t1", "ann@example.org", token)


@pytest.mark.parametrize("token", ["", "x", "é", "\ud800", "A" * 43])
def test_another_token_does_not_fit(token: str) -> None:
    assert not check_token(SECRET, "invite", "t1", "ann@example.org", token)


def test_parts_of_a_token_do_not_run_into_each_other() -> None:
    assert derive_token(SECRET, "invite", "t1", "x") != derive_token(SECRET, "invite", "t", "1x")
    assert derive_token(SECRET, "invite", "t\x001", "x") != derive_token(SECRET, "invite", "t", "\x001x")


def test_a_blind_index_is_stable_keyed_and_no_token() -> None:
    index = blind_index(SECRET, "email", "ann@example.org")
    assert index == blind_index(SECRET, "email", "ann@example.org")
    assert index != blind_index(b"r" * 32, "email", "ann@example.org")
    assert index != blind_index(SECRET, "phone", "ann@example.org")
    assert index != hashlib.sha256(b"ann@example.org").hexdigest()
    assert len(index) == 64


@pytest.mark.anyio
async def test_a_password_fits_its_own_hash_only() -> None:
    stored = await hash_password("correct horse battery staple")
    assert await verify_password("correct horse battery staple", stored)
    assert not await verify_password("correct horse battery stapl", stored)
    assert not await verify_password("", stored)
    assert stored != await hash_password("correct horse battery staple")


@pytest.mark.anyio
async def test_the_hash_has_the_strength_of_asvs_appendix_c() -> None:
    stored = await hash_password("pw")
    parameters = extract_parameters(stored)
    assert stored.startswith("$argon2id$")
    assert (parameters.time_cost, parameters.memory_cost, parameters.parallelism) == (2, 46 * 1024, 1)
    assert not needs_rehash(stored)
    assert needs_rehash(stored.replace("t=2", "t=1"))


@pytest.mark.anyio
async def test_nobody_costs_a_hash_too_and_never_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []
    verify = tokens._HASHER.verify

    class Counting:
        def verify(self, stored: str, password: str) -> bool:
            checked.append(stored)
            return verify(stored, password)

        hash = staticmethod(tokens._HASHER.hash)

    monkeypatch.setattr(tokens, "_HASHER", Counting())
    assert not await verify_password("any", None)
    assert len(checked) == 1
    assert checked[0].startswith("$argon2id$v=19$m=47104,t=2,p=1$")


@pytest.mark.anyio
async def test_a_huge_password_is_not_hashed() -> None:
    with pytest.raises(ValueError, match="too long"):
        await hash_password("x" * 4_097)
    assert not await verify_password("x" * 4_097, None)


@pytest.mark.anyio
async def test_a_broken_stored_hash_fits_nothing() -> None:
    assert not await verify_password("pw", "not a hash")
