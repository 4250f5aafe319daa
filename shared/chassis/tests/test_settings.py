import base64
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from shared.chassis.settings import ChassisSettings, UnsafeSettings

KEK = base64.b64encode(b"k" * 32).decode()
TOKEN_SECRET = base64.b64encode(b"t" * 32).decode()
SAFE = {
    "VETWIRE_ENV": "production",
    "VETWIRE_EVENTSTORE": "esdb://svc:pw-of-the-event-store@store:2113?tls=true",
    "VETWIRE_KAFKA": "kafka:9093",
    "VETWIRE_KAFKA_TLS": "true",
    "VETWIRE_MONGODB": "mongodb://svc:pw-of-mongodb@mongo:27017/?tls=true",
    "VETWIRE_ISSUER": "https://id.vetwire.example",
    "VETWIRE_JWKS_URL": "https://portal/api/portal/v1/.well-known/jwks.json",
    "VETWIRE_PUBLIC_URL": "https://vetwire.example",
    "VETWIRE_KEK": KEK,
    "VETWIRE_TOKEN_SECRET": TOKEN_SECRET,
    "VETWIRE_SMTP_TLS": "true",
}


@pytest.fixture
def set_env(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in SAFE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_development_starts_with_nothing_set() -> None:
    settings = ChassisSettings()
    assert settings.env == "development"
    assert len(settings.kek_bytes) == len(settings.token_secret_bytes) == 32


def test_production_starts_with_safe_settings(set_env: pytest.MonkeyPatch) -> None:
    assert ChassisSettings().violations() == []


def test_production_lists_everything_that_is_unsafe_at_once() -> None:
    with pytest.raises(UnsafeSettings) as refusal:
        ChassisSettings(env="production")
    text = str(refusal.value)
    for part in ("VETWIRE_KEK", "VETWIRE_TOKEN_SECRET", "VETWIRE_ISSUER", "VETWIRE_PUBLIC_URL"):
        assert part in text
    for link in ("eventstore", "kafka", "mongodb", "jwks", "smtp"):
        assert f"{link} is not encrypted" in text


@pytest.mark.parametrize(
    ("name", "value", "violation"),
    [
        ("VETWIRE_EVENTSTORE", "esdb://admin:changeit@store:2113", "default password"),
        ("VETWIRE_EVENTSTORE", "esdb://a:b@store:2113?tls=false", "eventstore is not encrypted"),
        ("VETWIRE_EVENTSTORE", "esdb://a:b@store:2113?tlsVerifyCert=false", "eventstore does not check"),
        ("VETWIRE_MONGODB", "mongodb://a:b@mongo/", "mongodb is not encrypted"),
        ("VETWIRE_MONGODB", "mongodb://a:b@mongo/?tls=true&tlsInsecure=true", "mongodb does not check"),
        ("VETWIRE_KAFKA_TLS", "false", "kafka is not encrypted"),
        ("VETWIRE_JWKS_URL", "http://portal/jwks", "jwks is not encrypted"),
        ("VETWIRE_TRUSTED_ISSUERS", '{"https://idp.example": "http://idp.example/jwks"}', "jwks is not encrypted"),
        ("VETWIRE_OTLP_ENDPOINT", "http://collector:4318", "otlp is not encrypted"),
        ("VETWIRE_PUBLIC_URL", "http://vetwire.example", "VETWIRE_PUBLIC_URL is not https"),
        ("VETWIRE_TOKEN_SECRET", KEK, "are the same"),
        ("VETWIRE_BOOTSTRAP_OPERATOR", "operator:short", "VETWIRE_BOOTSTRAP_OPERATOR"),
    ],
)
def test_production_refuses(set_env: pytest.MonkeyPatch, name: str, value: str, violation: str) -> None:
    set_env.setenv(name, value)
    with pytest.raises(UnsafeSettings) as refusal:
        ChassisSettings()
    assert len(refusal.value.violations) == 1
    assert violation in refusal.value.violations[0]
    assert value not in str(refusal.value)


def test_a_link_that_a_mesh_encrypts_is_let_through_by_name(set_env: pytest.MonkeyPatch) -> None:
    set_env.setenv("VETWIRE_KAFKA_TLS", "false")
    set_env.setenv("VETWIRE_ALLOW_PLAINTEXT", "kafka, smtp")
    assert ChassisSettings().violations() == []


def test_a_srv_address_of_mongodb_is_encrypted_by_default(set_env: pytest.MonkeyPatch) -> None:
    set_env.setenv("VETWIRE_MONGODB", "mongodb+srv://a:b@cluster.example/")
    assert ChassisSettings().violations() == []


def test_secrets_are_read_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vetwire_kek").write_text(KEK + "\n")
    monkeypatch.setenv("VETWIRE_SECRETS_DIR", str(tmp_path))
    assert ChassisSettings().kek_bytes == b"k" * 32


def test_the_environment_wins_over_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vetwire_kek").write_text(TOKEN_SECRET)
    monkeypatch.setenv("VETWIRE_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("VETWIRE_KEK", KEK)
    assert ChassisSettings().kek_bytes == b"k" * 32


@pytest.mark.parametrize("value", ["not base64!", base64.b64encode(b"short").decode()])
def test_a_malformed_key_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        ChassisSettings(kek=SecretStr(value))
    assert value not in str(refusal.value)


def test_no_way_of_printing_settings_shows_a_secret(set_env: pytest.MonkeyPatch) -> None:
    set_env.setenv("VETWIRE_BOOTSTRAP_OPERATOR", "operator:" + "s" * 40)
    settings = ChassisSettings()
    secrets = [KEK, TOKEN_SECRET, "s" * 40, "pw-of-the-event-store", "pw-of-mongodb"]
    printed = [repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()]
    assert [secret for secret in secrets for text in printed if secret in text] == []
