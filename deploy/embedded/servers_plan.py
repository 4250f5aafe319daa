"""The servers of the stack as components: event store, Kafka, MongoDB, mailbox; given addresses pass through."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deploy.embedded import mongodb, probes
from deploy.embedded.components import Component
from deploy.embedded.options import APACHE, HOST, Options

FETCH_TIMEOUT = 300.0  # seconds: the very first start of Kafka fetches its jars


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where services find their servers."""

    eventstore: str
    kafka: str
    mongodb: str
    smtp: str
    mailbox: str


def addresses(options: Options, ports: Mapping[str, int]) -> Addresses:
    return Addresses(
        eventstore=options.eventstore or f"esdb://{HOST}:{ports['EVENTSTORE_PORT']}?tls=false",
        kafka=f"{HOST}:{ports['KAFKA_PORT']}" if options.own_broker else options.broker,
        mongodb=options.mongodb or mongodb.uri(HOST, ports["MONGODB_PORT"]),
        smtp=f"{HOST}:{ports['SMTP_PORT']}",
        mailbox=f"http://{HOST}:{ports['MAILBOX_PORT']}",
    )


def server_components(options: Options, ports: Mapping[str, int]) -> list[Component]:
    """All start at once: none needs another."""
    data = options.root / "data"
    found = [_mailbox(options.root, ports), _kafka(options, data, ports)]
    if not options.eventstore:
        found.append(_eventstore(data / "eventstore", ports["EVENTSTORE_PORT"]))
    if not options.mongodb:
        found.append(_mongodb(data / "mongodb", ports["MONGODB_PORT"]))
    return found


def module(name: str, *arguments: object) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *map(str, arguments))


def _eventstore(data: Path, port: int) -> Component:
    command = module("deploy.embedded.eventstore", "--host", HOST, "--port", port, "--data", data)
    return Component("eventstore", command, port=port, ready=probes.tcp(HOST, port))


def _mongodb(data: Path, port: int) -> Component:
    command = module("deploy.embedded.mongodb", "--host", HOST, "--port", port, "--data", data)
    return Component("mongodb", command, port=port, ready=probes.mongodb(HOST, port))


def _mailbox(root: Path, ports: Mapping[str, int]) -> Component:
    smtp, http = ports["SMTP_PORT"], ports["MAILBOX_PORT"]
    command = module("deploy.embedded.mailbox", "--smtp-port", smtp, "--http-port", http, "--data", root / "mail")
    # Not by a page of it: the list of all mails takes as long as there are mails.
    return Component("mailbox", command, port=http, ready=probes.tcp(HOST, http))


def _kafka(options: Options, data: Path, ports: Mapping[str, int]) -> Component:
    port = ports["KAFKA_PORT"]
    if not options.own_broker:
        return _foreign_kafka(options.broker)
    if options.broker == APACHE:
        place = ("--controller-port", ports["KAFKA_CONTROLLER_PORT"], "--data", data)
        command = module("deploy.embedded.kafka", "--port", port, *place)
    else:
        command = module("deploy.embedded.noida", "--port", port, "--data", data / "noida")
    return Component("kafka", command, port=port, ready=probes.kafka(HOST, port), start_timeout=FETCH_TIMEOUT)


def _foreign_kafka(broker: str) -> Component:
    """Nothing to run, but everything that needs Kafka waits until that broker answers."""
    first = urlsplit(f"//{broker.split(',')[0]}")
    command = module("deploy.embedded.probes", "--kafka", f"{first.hostname}:{first.port}")
    return Component("kafka", command, port=first.port, job=True, start_timeout=30)
