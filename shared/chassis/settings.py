"""What a process reads from its environment (prefix `VETWIRE_`) and the files of `VETWIRE_SECRETS_DIR` (design 21)."""

import base64
import binascii
import os
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

DEVELOPMENT_KEK = base64.b64encode(b"vetwire-development-kek-32-bytes").decode()
DEVELOPMENT_TOKEN_SECRET = base64.b64encode(b"vetwire-development-tok-32-bytes").decode()
DEVELOPMENT_ISSUER = "https://vetwire.local"
KEY_BYTES = 32
OPERATOR_SECRET_LENGTH = 32
"""Characters that the first operator's secret has at least, in production."""
CERTIFICATE_SWITCHES = {
    ("tlsverifycert", "false"),
    ("tlsinsecure", "true"),
    ("tlsallowinvalidcertificates", "true"),
    ("tlsallowinvalidhostnames", "true"),
}


class UnsafeSettings(Exception):
    """Production mode was asked for with settings that are only fit for development; `violations` lists them all."""

    def __init__(self, violations: list[str]) -> None:
        super().__init__("not fit for production: " + "; ".join(violations))
        self.violations = violations


class ChassisSettings(BaseSettings):
    """One subclass for each service sets `service`. Defaults suit a developer's machine and are refused in production.

    Raises pydantic's ValidationError when a value is malformed, `UnsafeSettings` when it is unsafe in production.
    """

    model_config = SettingsConfigDict(env_prefix="VETWIRE_", extra="ignore", frozen=True, hide_input_in_errors=True)
    service: ClassVar[str] = ""

    env: Literal["development", "production"] = "development"
    bind: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    eventstore: SecretStr = SecretStr("esdb://127.0.0.1:2113?tls=false")
    kafka: str = "127.0.0.1:9092"
    kafka_tls: bool = False
    kafka_replication: Annotated[int, Field(ge=1, le=9)] = 1
    mongodb: SecretStr = SecretStr("mongodb://127.0.0.1:27017/?retryWrites=false&directConnection=true")
    issuer: str = DEVELOPMENT_ISSUER
    audience: str = "vetwire"
    jwks_url: str = "http://127.0.0.1:8000/api/portal/v1/.well-known/jwks.json"
    trusted_issuers: dict[str, str] = {}
    public_url: str = "http://127.0.0.1:8080"
    kek: SecretStr = SecretStr(DEVELOPMENT_KEK)
    token_secret: SecretStr = SecretStr(DEVELOPMENT_TOKEN_SECRET)
    signing_keys_dir: Path | None = None
    bootstrap_operator: SecretStr | None = None
    smtp: str = "127.0.0.1:1025"
    smtp_tls: bool = False
    otlp_endpoint: str | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    max_body_bytes: Annotated[int, Field(gt=0)] = 1_048_576
    drain_seconds: Annotated[float, Field(ge=0, le=5)] = 1.0
    crash_point: str = ""
    """Where a test lets the process die (shared.chassis.crash_points)."""
    allow_plaintext: Annotated[frozenset[str], NoDecode] = frozenset()
    """Links that something below encrypts (a service mesh): `eventstore,kafka,mongodb,jwks,smtp,otlp`."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment, then files: a file is named like its variable, in lower case."""
        folder = os.environ.get("VETWIRE_SECRETS_DIR")
        files = SecretsSettingsSource(settings_cls, secrets_dir=folder) if folder else file_secret_settings
        return init_settings, env_settings, files

    @field_validator("allow_plaintext", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("kek", "token_secret")
    @classmethod
    def _is_key(cls, value: SecretStr) -> SecretStr:
        try:
            size = len(base64.b64decode(value.get_secret_value(), validate=True))
        except binascii.Error:
            raise ValueError("not base64") from None
        if size != KEY_BYTES:
            raise ValueError(f"needs {KEY_BYTES} bytes, base64")
        return value

    @model_validator(mode="after")
    def _refuse_development_in_production(self) -> Self:
        violations = self.violations() if self.env == "production" else []
        if violations:
            raise UnsafeSettings(violations)
        return self

    @property
    def brokers(self) -> str:
        """The brokers' addresses as the chassis takes them: `ssl://` before them when the link is encrypted."""
        return f"ssl://{self.kafka}" if self.kafka_tls else self.kafka

    @property
    def kek_bytes(self) -> bytes:
        """The key that wraps the data-subject keys: 32 bytes."""
        return base64.b64decode(self.kek.get_secret_value())

    @property
    def token_secret_bytes(self) -> bytes:
        """The key of one-time tokens, cursors and blind indexes: 32 bytes."""
        return base64.b64decode(self.token_secret.get_secret_value())

    def violations(self) -> list[str]:
        """What would be unsafe in production, one sentence each; empty when all is well."""
        armed = ["VETWIRE_CRASH_POINT lets the process die"] if self.crash_point else []
        return [*self._weak_secrets(), *self._plain_links(), *armed]

    def _weak_secrets(self) -> list[str]:
        operator = self.bootstrap_operator
        findings = {
            "VETWIRE_KEK is the development key": self.kek.get_secret_value() == DEVELOPMENT_KEK,
            "VETWIRE_TOKEN_SECRET is the development key": (
                self.token_secret.get_secret_value() == DEVELOPMENT_TOKEN_SECRET
            ),
            "VETWIRE_KEK and VETWIRE_TOKEN_SECRET are the same": self.kek == self.token_secret,
            "VETWIRE_EVENTSTORE has the vendor's default password": (
                "admin:changeit@" in self.eventstore.get_secret_value()
            ),
            f"VETWIRE_BOOTSTRAP_OPERATOR is not client_id:secret with {OPERATOR_SECRET_LENGTH} characters or more": (
                operator is not None and len(operator.get_secret_value().partition(":")[2]) < OPERATOR_SECRET_LENGTH
            ),
            "VETWIRE_ISSUER is the development issuer": self.issuer == DEVELOPMENT_ISSUER,
        }
        return [sentence for sentence, is_so in findings.items() if is_so]

    def _plain_links(self) -> list[str]:
        encrypted = {
            "eventstore": _query(self.eventstore).get("tls", "true") == "true",
            "kafka": self.kafka_tls,
            "mongodb": _is_encrypted_mongodb(self.mongodb),
            "jwks": all(url.startswith("https://") for url in (self.jwks_url, *self.trusted_issuers.values())),
            "smtp": self.smtp_tls,
            "otlp": self.otlp_endpoint is None or self.otlp_endpoint.startswith("https://"),
        }
        plain = [name for name, is_so in encrypted.items() if not is_so and name not in self.allow_plaintext]
        unchecked = [
            f"{name} does not check the server's certificate"
            for name, uri in (("eventstore", self.eventstore), ("mongodb", self.mongodb))
            if CERTIFICATE_SWITCHES & _query(uri).items()
        ]
        urls = {"VETWIRE_ISSUER": self.issuer, "VETWIRE_PUBLIC_URL": self.public_url}
        not_https = [f"{name} is not https" for name, url in urls.items() if not url.startswith("https://")]
        return [f"{name} is not encrypted (TLS)" for name in plain] + unchecked + not_https


def _query(uri: SecretStr) -> dict[str, str]:
    """The options of a connection string, lower case."""
    found = parse_qs(urlsplit(uri.get_secret_value()).query)
    return {name.lower(): values[-1].lower() for name, values in found.items()}


def _is_encrypted_mongodb(uri: SecretStr) -> bool:
    options = _query(uri)
    default = "true" if uri.get_secret_value().startswith("mongodb+srv://") else "false"
    return options.get("tls", options.get("ssl", default)) == "true"
