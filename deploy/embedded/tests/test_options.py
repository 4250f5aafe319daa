"""What make passes on, ports, secrets, logs and the plan."""

import argparse
import base64
import os
import socket
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from deploy.embedded.components import in_waves
from deploy.embedded.logs import cap, tail
from deploy.embedded.options import PROJECT, BadOption, Options, add_arguments, from_arguments
from deploy.embedded.ports import PortTaken, choose, free_port
from deploy.embedded.secret_files import secrets_of
from deploy.embedded.services_plan import find_services, service_ports
from deploy.embedded.session import wipe
from deploy.embedded.system import plan_system


def options(env: dict[str, str], *arguments: str) -> Options:
    parser = argparse.ArgumentParser()
    add_arguments(parser, env)
    return from_arguments(parser.parse_args(arguments), env)


def test_without_any_wish_all_servers_are_our_own() -> None:
    plain = options({})
    assert (plain.root, plain.broker, plain.own_broker) == (PROJECT / ".vetwire", "kafka", True)
    assert (plain.fresh, plain.detach, plain.sample, plain.ports) == (False, False, True, {})


def test_values_given_to_make_arrive() -> None:
    given = options({"BROKER": "kafka.local:9092", "FRESH": "1", "DETACH": "1", "GATEWAY_PORT": "9000"})
    assert (given.broker, given.own_broker, given.fresh, given.detach) == ("kafka.local:9092", False, True, True)
    assert given.ports == {"GATEWAY_PORT": 9000}


@pytest.mark.parametrize("value", ["", "0", "no", "false"])
def test_a_switch_that_is_off_is_off(value: str) -> None:
    assert not options({"FRESH": value}).fresh


@pytest.mark.parametrize("env", [{"BROKER": "rabbit"}, {"KAFKA_PORT": "0"}, {"KAFKA_PORT": "http"}])
def test_a_value_that_cannot_be_meant_is_refused(env: dict[str, str]) -> None:
    with pytest.raises(BadOption, match=next(iter(env))):
        options(env)


def test_a_usual_port_that_is_taken_gives_way_to_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert choose({"KAFKA_PORT": port}, {})["KAFKA_PORT"] != port


def test_an_asked_port_that_is_taken_is_refused_with_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port}, asked for by KAFKA_PORT, is taken.*{os.getpid()}"):
            choose({"KAFKA_PORT": 1}, {"KAFKA_PORT": port})


def test_no_two_components_get_one_port() -> None:
    port = free_port()
    chosen = choose({"A": port, "B": port, "C": None}, {"B": port})
    assert chosen["B"] == port
    assert len(set(chosen.values())) == 3


def test_secrets_are_drawn_once_and_only_their_owner_may_read_them(tmp_path: Path) -> None:
    first = secrets_of(tmp_path)
    assert secrets_of(tmp_path) == first
    assert len(base64.b64decode(first.kek)) == len(base64.b64decode(first.token_secret)) == 32
    assert first.kek != first.token_secret
    assert first.operator.startswith("operator:")
    files = [path for path in (tmp_path / "secrets").rglob("*") if path.is_file()]
    assert len(files) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_the_signing_key_is_ed25519(tmp_path: Path) -> None:
    [pem] = secrets_of(tmp_path).signing.glob("*.pem")
    assert isinstance(load_pem_private_key(pem.read_bytes(), None), Ed25519PrivateKey)


def test_the_last_lines_of_a_log_are_shown_and_a_long_log_is_capped(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    assert tail(log, 2) == "  | line 98\n  | line 99"
    assert not cap(log, 10_000)
    assert cap(log, 100)
    assert (log.stat().st_size, (tmp_path / "a.log.1").stat().st_size) == (0, 790)


def test_fresh_deletes_everything_but_the_lock_that_is_held(tmp_path: Path) -> None:
    (tmp_path / "data" / "kafka").mkdir(parents=True)
    for name in ("lock", "state.json", "data/kafka/log"):
        (tmp_path / name).touch()
    wipe(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_every_service_of_the_repository_is_found_with_ports_of_its_own() -> None:
    ports = service_ports(find_services())
    assert len(set(ports.values())) == len(ports)


def test_a_worker_waits_for_the_topics_and_servers_stop_last(tmp_path: Path) -> None:
    components = plan_system(Options(root=tmp_path, any_ports=True)).components()
    names = {each.name: each for each in components}
    assert all("topics" in each.after for name, each in names.items() if name.endswith("-worker"))
    assert {each.name for each in in_waves(components)[0]} == {"mailbox", "kafka", "eventstore", "mongodb"}


def test_given_servers_are_neither_started_nor_waited_for(tmp_path: Path) -> None:
    given = Options(root=tmp_path, any_ports=True, mongodb="mongodb://m.local", eventstore="esdb://e.local")
    system = plan_system(given)
    components = {each.name: each for each in system.components()}
    assert components.keys().isdisjoint({"mongodb", "eventstore"})
    assert system.addresses.mongodb == "mongodb://m.local"
    assert all(set(each.after) <= components.keys() for each in components.values())


def test_a_given_broker_is_waited_for_before_topics_are_made(tmp_path: Path) -> None:
    components = {
        each.name: each
        for each in plan_system(Options(root=tmp_path, any_ports=True, broker="k.local:9092")).components()
    }
    assert components["kafka"].job
    assert "k.local:9092" in components["kafka"].command
    assert components["topics"].after == ("kafka",)
