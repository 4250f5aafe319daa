"""What `make up` was asked for: one value each for broker, addresses, ports and folder."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.embedded.parent import stop_with_parent

PROJECT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
APACHE, NOIDA = "kafka", "noida"

USUAL_PORTS: Mapping[str, int | None] = {
    "GATEWAY_PORT": 8080,
    "EVENTSTORE_PORT": 2113,
    "KAFKA_PORT": 9092,
    "MONGODB_PORT": 27017,
    "SMTP_PORT": 1025,
    "MAILBOX_PORT": 8025,
    "KAFKA_CONTROLLER_PORT": None,
    "GATEWAY_ADMIN_PORT": None,
}


@dataclass(frozen=True, slots=True)
class Options:
    """`broker` is `kafka`, `noida` or host:port; `eventstore` and `mongodb` are URIs, or empty for our own server.

    `ports` holds what was asked for by name. With `any_ports` the usual ports are not tried (tests).
    """

    root: Path
    broker: str = APACHE
    eventstore: str = ""
    mongodb: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)
    any_ports: bool = False
    fresh: bool = False
    detach: bool = False
    sample: bool = True

    @property
    def own_broker(self) -> bool:
        return self.broker in (APACHE, NOIDA)


class BadOption(Exception):
    """A value that cannot be meant."""


def add_arguments(parser: argparse.ArgumentParser, env: Mapping[str, str] = os.environ) -> None:
    """Every option can be given as NAME=value to make, which puts it into the environment."""
    parser.add_argument("--root", type=Path, default=env.get("ROOT") or ".vetwire", help="folder for all data")
    parser.add_argument("--broker", default=env.get("BROKER") or APACHE, help="kafka, noida or host:port")
    parser.add_argument("--eventstore", default=env.get("EVENTSTORE", ""), help="esdb:// URI of a server to use")
    parser.add_argument("--mongodb", default=env.get("MONGODB", ""), help="mongodb:// URI of a server to use")
    parser.add_argument("--any-ports", action="store_true", help="do not try the usual ports")
    parser.add_argument("--fresh", action="store_true", default=_is_on(env, "FRESH"), help="delete all data first")
    parser.add_argument("--detach", action="store_true", default=_is_on(env, "DETACH"), help="return when ready")
    parser.add_argument("--with-parent", action="store_true", help="stop when the process that started this one ends")
    parser.add_argument("--no-sample", action="store_true", help="do not load the sample clinics")


def from_arguments(parsed: argparse.Namespace, env: Mapping[str, str] = os.environ) -> Options:
    """Raises BadOption with a sentence for the person who typed it."""
    root: Path = parsed.root if parsed.root.is_absolute() else PROJECT / parsed.root
    _check_broker(parsed.broker)
    if parsed.with_parent:
        stop_with_parent()
    return Options(
        root=root,
        broker=parsed.broker,
        eventstore=parsed.eventstore,
        mongodb=parsed.mongodb,
        ports=asked_ports(env),
        any_ports=parsed.any_ports,
        fresh=parsed.fresh,
        detach=parsed.detach,
        sample=not parsed.no_sample,
    )


def parse(arguments: Sequence[str], description: str) -> Options:
    parser = argparse.ArgumentParser(description=description)
    add_arguments(parser)
    return from_arguments(parser.parse_args(arguments))


def asked_ports(env: Mapping[str, str]) -> dict[str, int]:
    return {name: _port(name, env[name]) for name in USUAL_PORTS if env.get(name)}


def _port(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise BadOption(f"{name}={text} is not a port")
    return int(text)


def _check_broker(broker: str) -> None:
    if broker not in (APACHE, NOIDA) and ":" not in broker:
        raise BadOption(f"BROKER={broker} is neither kafka nor noida nor host:port")


def _is_on(env: Mapping[str, str], name: str) -> bool:
    return env.get(name, "").lower() not in ("", "0", "no", "false")
