"""Who imports whom (design 5): the contracts of import-linter, and what it cannot say."""

import sys
import tomllib
from typing import Any

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from tests.architecture.sources import ROOT, SERVICE_FOLDERS, imported, is_test, python_files

PACKAGES = sorted(package.name for package in SERVICE_FOLDERS.values())
CONFIGURATION: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "importlinter"
]
CONTRACTS: dict[str, dict[str, Any]] = {contract["id"]: contract for contract in CONFIGURATION["contracts"]}
SERVERS_AND_CHANCE = {
    "shared.chassis", "fastapi", "starlette", "motor", "pymongo", "esdbclient", "grpc", "faust", "aiokafka", "httpx2",
    "uvicorn", "asyncio", "time", "uuid", "os", "random", "secrets",
}  # fmt: skip
# A driver is known where its server is spoken to; the rest of the chassis uses what those modules offer.
DRIVERS = {
    "motor": {"mongo", "change_feed"},
    "esdbclient": {"event_store", "appending", "reading"},
    "grpc": {"event_store", "appending", "reading"},
    "faust": {"worker_app", "windows", "consuming"},
    "aiokafka": {
        "kafka",
        "relay",
        "positions",
        "following",
        "windows",
        "consuming",
        "producing",
        "worker_app",
        "barrier",
        "membership",
        "topic_settings",
    },
    "uvicorn": {"api_app", "worker_app"},
    "aiosmtplib": {"outbox"},
    "argon2": {"tokens"},
    "jwt": {"tokens", "jwks", "verifier"},
}
# Operations and errors of MongoDB are pymongo's under any driver for it.
ONLY_THE_CHASSIS = {*DRIVERS, "pymongo", "bson"} - {"jwt", "argon2", "uvicorn"}


def test_there_are_five_services() -> None:
    assert PACKAGES == ["messaging", "pims_sync", "portal", "referral", "scheduling"]


def test_the_contracts_cover_the_whole_repository() -> None:
    assert set(CONFIGURATION["root_packages"]) == {"shared", "deploy", "ops", *PACKAGES}
    assert CONFIGURATION["include_external_packages"]


def test_the_domain_may_reach_no_server_framework_clock_or_chance() -> None:
    contract = CONTRACTS["domain-is-pure"]
    assert contract["type"] == "forbidden"
    assert sorted(contract["source_modules"]) == [f"{package}.domain" for package in PACKAGES]
    assert set(contract["forbidden_modules"]) >= SERVERS_AND_CHANCE
    assert not contract.get("allow_indirect_imports")
    assert not contract.get("ignore_imports")


def test_the_layers_of_every_service_are_kept() -> None:
    contract = CONTRACTS["layers-of-a-service"]
    assert sorted(contract["containers"]) == PACKAGES
    layers = ["main | worker", "api", "(intake)", "(vendors)", "automations", "projections", "domain"]
    assert contract["layers"] == layers


def test_services_are_independent() -> None:
    assert CONTRACTS["services-are-independent"]["type"] == "independence"
    assert sorted(CONTRACTS["services-are-independent"]["modules"]) == PACKAGES


def test_kernel_and_events_are_the_ground() -> None:
    assert CONTRACTS["kernel-and-events-are-the-ground"]["layers"][-2:] == [
        "shared.chassis",
        "shared.events | shared.kernel",
    ]


def test_the_contracts_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_the_kernel_is_standard_library_only() -> None:
    assert _foreign("shared/kernel/", "shared.kernel") == {}


def test_the_events_are_standard_library_and_pydantic_only() -> None:
    assert _foreign("shared/events/", "shared.events", "pydantic") == {}


@pytest.mark.parametrize("driver", DRIVERS)
def test_each_driver_is_known_to_few_modules_of_the_chassis(driver: str) -> None:
    knowing = {name for name in _code("shared/chassis/") if driver in _packages(name)}
    assert knowing == {f"shared/chassis/{module}.py" for module in DRIVERS[driver]}


def test_services_reach_servers_only_through_the_chassis() -> None:
    knowing = {name: _packages(name) & ONLY_THE_CHASSIS for name in _code("services/")}
    assert {name: drivers for name, drivers in knowing.items() if drivers} == {}


def _code(*below: str) -> list[str]:
    return [name for name in python_files(*below) if not is_test(name)]


def _packages(name: str) -> set[str]:
    return {module.partition(".")[0] for module in imported(name)}


def _foreign(below: str, *allowed: str) -> dict[str, set[str]]:
    """By file what it imports beyond the standard library and the allowed packages."""
    found = {
        name: {
            module
            for module in imported(name)
            if module.partition(".")[0] not in sys.stdlib_module_names
            and not f"{module}.".startswith(tuple(f"{a}." for a in allowed))
        }
        for name in _code(below)
    }
    return {name: modules - {"shared"} for name, modules in found.items() if modules - {"shared"}}
