"""Servers as containers, by testcontainers: EventStoreDB, Apache Kafka, MongoDB as a replica set of one."""

import contextlib
import gc
import socket
import warnings
from collections.abc import Iterator
from typing import Any

from shared.testing.running import Servers, StackUnavailable

EVENTSTORE = "eventstore/eventstore:24.10"
KAFKA = "apache/kafka:4.1.0"
MONGODB = "mongo:8.0"
STARTS_WITHIN = 120


def container_servers() -> Iterator[Servers]:
    """Raises StackUnavailable when no container engine answers."""
    _need_engine()
    with contextlib.ExitStack() as stack:
        eventstore = f"esdb://{_address(stack.enter_context(_eventstore()), 2113)}?tls=false"
        kafka = _kafka(stack)
        mongodb = f"mongodb://{_address(stack.enter_context(_mongodb()), 27017)}/?directConnection=true"
        at = {EVENTSTORE: eventstore, KAFKA: kafka, MONGODB: mongodb}
        yield Servers(eventstore, kafka, mongodb, tuple(_real(image, address) for image, address in at.items()))


def _need_engine() -> None:
    problem = _engine_problem()
    if problem:
        raise StackUnavailable(f"--stack=containers needs a container engine: {problem}")


def _engine_problem() -> str:
    """Empty when an engine answers. A client that finds none leaves a socket open, which warns when collected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        problem = _asked_engine()
        gc.collect()
    return problem


def _asked_engine() -> str:
    """testcontainers is imported in functions only: without an engine its import alone may fail."""
    try:
        from testcontainers.core.docker_client import DockerClient

        DockerClient().client.ping()
    except Exception as error:
        return str(error) or type(error).__name__
    return ""


def _container(image: str, **env: str) -> Any:
    from testcontainers.core.container import DockerContainer

    container = DockerContainer(image)
    for name, value in env.items():
        container = container.with_env(name, value)
    return container


def _eventstore() -> Any:
    from testcontainers.core.wait_strategies import HttpWaitStrategy

    container = _container(EVENTSTORE, EVENTSTORE_INSECURE="true", EVENTSTORE_RUN_PROJECTIONS="None")
    ready = HttpWaitStrategy(2113, "/health/live").for_status_code(204).with_startup_timeout(STARTS_WITHIN)
    return container.with_exposed_ports(2113).waiting_for(ready)


def _mongodb() -> Any:
    """A replica set initiates itself once: its health check is the usual place for that, and so it is here."""
    from testcontainers.core.wait_strategies import ExecWaitStrategy

    initiate = "try { rs.status().ok } catch (e) { rs.initiate().ok } && db.hello().isWritablePrimary || quit(1)"
    ready = ExecWaitStrategy(["mongosh", "--quiet", "--eval", initiate]).with_startup_timeout(STARTS_WITHIN)
    command = "--replSet rs0 --bind_ip_all"
    return _container(MONGODB).with_command(command).with_exposed_ports(27017).waiting_for(ready)


def _kafka(stack: contextlib.ExitStack) -> str:
    """A broker tells clients its own address, so its port outside must be known before it starts."""
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    port = _free_port()
    container = _container(KAFKA, **_kafka_environment(port))
    ready = LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(STARTS_WITHIN)
    stack.enter_context(container.with_bind_ports(19092, port).waiting_for(ready))
    return f"localhost:{port}"


def _kafka_environment(port: int) -> dict[str, str]:
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": "OUTSIDE://:19092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"OUTSIDE://localhost:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "OUTSIDE",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_MESSAGE_MAX_BYTES": str(4 * 1024 * 1024),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _address(container: Any, port: int) -> str:
    return f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}"


def _real(image: str, address: str) -> dict[str, str]:
    name, _, version = image.partition(":")
    return {"name": name, "version": version, "kind": "container", "address": address}
