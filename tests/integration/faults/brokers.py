"""Three brokers of the embedded kind as one cluster: each is a controller too, every record is on all three."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient

from deploy.embedded import jars, kafka, probes
from deploy.embedded.kafka import Node
from deploy.embedded.parent import die_with
from deploy.embedded.ports import choose
from shared.chassis.kafka import INFRASTRUCTURE_ERRORS
from shared.testing.running import StackUnavailable

HOST = "127.0.0.1"
HEAP = "160m"
COPIES = 3
READY_WITHIN = 180.0


class Brokers:
    """Processes by node id (1 to 3), which tests may kill and start again on the data they left."""

    def __init__(self, root: Path) -> None:
        names = [f"{kind}{number}" for number in range(1, COPIES + 1) for kind in ("broker", "controller")]
        ports = choose(dict.fromkeys(names), {})
        self.nodes = [
            Node(n, HOST, ports[f"broker{n}"], ports[f"controller{n}"], root / f"kafka{n}")
            for n in range(1, COPIES + 1)
        ]
        self._root = root
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._commands = _prepared(self.nodes)

    @property
    def bootstrap(self) -> str:
        return ",".join(f"{node.host}:{node.port}" for node in self.nodes)

    def start(self, *ids: int) -> None:
        """Start them, all by default, without waiting."""
        for number in ids or self._commands:
            with (self._root / f"kafka{number}.log").open("ab") as log:
                self._running[number] = subprocess.Popen(
                    self._commands[number],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    preexec_fn=die_with(os.getpid()),
                )

    def revive(self) -> None:
        """Start those that a test left dead."""
        if missing := self._commands.keys() - self._running.keys():
            self.start(*missing)

    def kill(self, *ids: int) -> None:
        """kill -9, of all by default."""
        for number in ids or list(self._running):
            self._running[number].kill()
        for number in ids or list(self._running):
            self._running.pop(number).wait()

    def stop(self, *ids: int) -> None:
        """SIGTERM; those that have no majority to say goodbye to are killed after a while."""
        chosen = {number: self._running.pop(number) for number in ids or list(self._running)}
        for process in chosen.values():
            process.terminate()
        for process in chosen.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    async def ready(self, *ids: int) -> None:
        """Until they answer, all by default."""
        asked = [node for node in self.nodes if not ids or node.id in ids]
        waits = [probes.until_it_passes(probes.kafka(node.host, node.port)) for node in asked]
        await asyncio.wait_for(asyncio.gather(*waits), READY_WITHIN)

    async def until_in_sync(self, topics: Iterable[str], copies: int = COPIES) -> None:
        """Until every partition of the topics has exactly so many copies that hold everything."""
        end = monotonic() + READY_WITHIN
        while {len(p["isr"]) for p in await self.partitions(topics)} != {copies}:
            assert monotonic() < end, f"not {copies} copies in sync within {READY_WITHIN} s"
            await asyncio.sleep(0.1)

    async def partitions(self, topics: Iterable[str]) -> Sequence[dict[str, Any]]:
        """What the cluster says now: partition, leader, isr; nothing while it cannot say."""
        try:
            async with admin(self.bootstrap) as asked:
                described = await asked.describe_topics(list(topics))
        except INFRASTRUCTURE_ERRORS:
            return []
        return [each for topic in described for each in topic["partitions"]]


def _prepared(nodes: Sequence[Node]) -> dict[int, list[str]]:
    """The command of each. Raises StackUnavailable where Apache Kafka cannot be had."""
    try:
        class_path = jars.class_path(jars.read_lock(), jars.cache_folder(), print)
    except jars.JarsUnavailable as reason:
        raise StackUnavailable(f"Apache Kafka's jars are not to be had: {reason}") from reason
    cluster_id = kafka.new_cluster_id()
    with ThreadPoolExecutor() as pool:
        commands = pool.map(lambda node: kafka.prepared(class_path, node, nodes, cluster_id, HEAP), nodes)
    return {node.id: command for node, command in zip(nodes, commands, strict=True)}


@asynccontextmanager
async def admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    made = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    try:
        await asyncio.wait_for(made.start(), 10)
        yield made
    finally:
        await made.close()
