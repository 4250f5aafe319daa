"""docker-compose.yml: valid by the Compose Specification's schema (compose-spec.json), and sound in what it says."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from deploy.docker.tests.compose_model import MissingVariable, Service, compose, interpolated
from deploy.envoy.gateway import ROUTE_TABLE
from deploy.envoy.render import main

ADDRESS = "https://portal.example"
COMPOSE = compose(VETWIRE_PUBLIC_URL=ADDRESS)
SERVICES: dict[str, Service] = COMPOSE["services"]
OURS = [f"{name}-{kind}" for name in ROUTE_TABLE for kind in ("api", "worker")]
ONCE = ["gateway-config", "secrets", "topics"]


def _python_module(name: str) -> str:
    command = SERVICES[name]["command"]
    assert command[:2] == ["python", "-m"]
    return str(command[2])


def test_it_is_valid_by_the_schema_of_the_compose_specification() -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    errors = [f"{list(error.path)}: {error.message}" for error in Draft202012Validator(schema).iter_errors(COMPOSE)]
    assert errors == []


def test_the_public_address_must_be_given() -> None:
    with pytest.raises(MissingVariable, match="https address"):
        compose()


def test_the_issuer_is_the_public_address_unless_said_otherwise() -> None:
    assert SERVICES["portal-api"]["environment"]["VETWIRE_ISSUER"] == ADDRESS
    other = compose(VETWIRE_PUBLIC_URL=ADDRESS, VETWIRE_ISSUER="https://id.example")
    assert other["services"]["portal-api"]["environment"]["VETWIRE_ISSUER"] == "https://id.example"


@pytest.mark.parametrize("name", ROUTE_TABLE)
def test_every_service_has_an_api_and_a_worker_from_one_image(name: str) -> None:
    package = name.replace("-", "_")
    assert _python_module(f"{name}-api") == f"{package}.main"
    assert _python_module(f"{name}-worker") == f"{package}.worker"
    assert {SERVICES[f"{name}-{kind}"]["image"] for kind in ("api", "worker")} == {"vetwire:local"}


@pytest.mark.parametrize("name", OURS + ONCE + ["gateway"])
def test_what_runs_our_code_can_change_nothing_but_its_volumes(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_only_the_gateway_is_published_and_grafana_on_this_host_alone() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"gateway": ["8080:8080"], "grafana": ["127.0.0.1:3000:3000"]}


@pytest.mark.parametrize("name", ["eventstore", "kafka", "mongo"])
def test_data_is_on_a_network_without_a_way_out_or_in(name: str) -> None:
    assert SERVICES[name]["networks"] == ["data"]
    assert COMPOSE["networks"]["data"] == {"internal": True}
    assert "data" not in SERVICES["gateway"]["networks"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_has_an_end_to_its_memory_or_ends_itself(name: str) -> None:
    assert name in ONCE or SERVICES[name]["deploy"]["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_has_a_version_and_no_registry_in_its_name(name: str) -> None:
    repository, _, tag = SERVICES[name]["image"].rpartition(":")
    assert repository
    assert tag not in {"latest", ""}
    assert "." not in repository.split("/")[0]


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_waited_for_can_come_true(name: str) -> None:
    """ "Healthy" needs a health check, of the image (ours) or here; "completed" needs something that ends."""
    for other, condition in SERVICES[name].get("depends_on", {}).items():
        kind = condition["condition"]
        assert kind in {"service_healthy", "service_completed_successfully"}
        assert (other in ONCE) == (kind == "service_completed_successfully")
        assert kind != "service_healthy" or "test" in SERVICES[other]["healthcheck"]


@pytest.mark.parametrize("name", [name for name in OURS if name.endswith("worker")])
def test_a_worker_waits_for_the_topics(name: str) -> None:
    assert {"topics", "secrets", "eventstore", "mongo"} <= SERVICES[name]["depends_on"].keys()


@pytest.mark.parametrize("name", OURS)
def test_secrets_are_files_and_never_variables(name: str) -> None:
    environment: dict[str, Any] = SERVICES[name]["environment"]
    assert environment.keys().isdisjoint({"VETWIRE_KEK", "VETWIRE_TOKEN_SECRET", "VETWIRE_BOOTSTRAP_OPERATOR"})
    portal = name.startswith("portal-")
    volume = "portal-secrets:/run/vetwire/portal-secrets:ro" if portal else "secrets:/run/vetwire/secrets:ro"
    assert SERVICES[name]["volumes"] == [volume]
    assert ("VETWIRE_SIGNING_KEYS_DIR" in environment) == portal


def test_every_named_volume_and_network_is_declared_and_used() -> None:
    used = {volume.partition(":")[0] for service in SERVICES.values() for volume in _short_volumes(service)}
    assert {name for name in used if not name.startswith(".")} == COMPOSE["volumes"].keys()
    assert {net for service in SERVICES.values() for net in service["networks"]} == COMPOSE["networks"].keys()


def _short_volumes(service: Service) -> list[str]:
    return [volume for volume in service.get("volumes", []) if isinstance(volume, str)]


def test_extras_start_only_when_asked_for() -> None:
    profiles = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    observe = {name: ["observe"] for name in ("collector", "grafana", "jaeger", "prometheus")}
    assert profiles == {"mailpit": ["dev"], **observe}


def test_the_gateways_own_command_renders_the_whole_route_table(tmp_path: Path) -> None:
    arguments = [part for part in SERVICES["gateway-config"]["command"][3:] if not part.startswith("--out=")]
    out = tmp_path / "envoy.json"
    main([*arguments, f"--out={out}"])
    config = json.loads(out.read_text(encoding="utf-8"))
    clusters = {cluster["name"]: _address(cluster) for cluster in config["static_resources"]["clusters"]}
    assert clusters == {**{name: (f"{name}-api", 8080) for name in ROUTE_TABLE}, "admin": ("127.0.0.1", 9901)}
    assert set(clusters.values()) - {("127.0.0.1", 9901)} <= {(name, 8080) for name in SERVICES}


def _address(cluster: dict[str, Any]) -> tuple[str, int]:
    socket = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    return socket["address"], socket["port_value"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "1"),
        ("${B:-x}", "x"),
        ("${B:-${A}}", "1"),
        ("${E:-x}", "x"),
        ("${E-x}", ""),
        ("a${A}b${B-y}", "a1by"),
    ],
)
def test_variables_are_put_in_as_the_specification_has_it(text: str, expected: str) -> None:
    assert interpolated(text, {"A": "1", "E": ""}) == expected
