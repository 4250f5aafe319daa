"""The worker of a service: one Faust app that keeps its views, runs its automations, its relay and its outbox."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from time import monotonic
from typing import Any

import structlog
import uvicorn
import uvloop
from aiokafka import TopicPartition
from faust.types import TP

from shared.chassis import clock, kafka
from shared.chassis.automations import Reactor
from shared.chassis.consuming import App
from shared.chassis.crash_points import arm
from shared.chassis.documents import AnyProjection, ensure_indexes
from shared.chassis.erasure import Eraser
from shared.chassis.following import Follower
from shared.chassis.health import Health, health_app
from shared.chassis.heap import settle
from shared.chassis.holes import Holes
from shared.chassis.logs import set_up_logging
from shared.chassis.maintaining import Maintained
from shared.chassis.membership import member_name, take_over
from shared.chassis.outbox import Outbox, SmtpSender, ensure_outbox_index
from shared.chassis.parking import Parking
from shared.chassis.positions import Positions
from shared.chassis.relay import Relay
from shared.chassis.runtime import Runtime, runtime
from shared.chassis.settings import ChassisSettings
from shared.chassis.telemetry import set_up_tracing, shut_down_tracing
from shared.chassis.windows import WINDOW, Windows
from shared.events.base import Event
from shared.events.envelope import StoredEvent
from shared.events.topics import MAX_MESSAGE_BYTES, events_topic, parked_topic
from shared.kernel.automation import Automation

MEASURE_SECONDS = 5.0
STUCK_SECONDS = 120.0
ORDERLY_SECONDS = 6.0
LEAVE_SECONDS = 8.0
SENDER = "Vetwire <no-reply@vetwire.local>"
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class WorkerSpec:
    """What a service's worker is: the services it follows, what it keeps of them, what it publishes of its own."""

    follows: tuple[str, ...]
    projections: tuple[AnyProjection, ...]
    automations: tuple[Automation[Any], ...]
    published: tuple[type[Event], ...]


class _Server(uvicorn.Server):
    """The signals belong to the worker."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Worker:
    """One process of a worker, inside a running loop."""

    def __init__(self, spec: WorkerSpec, running: Runtime) -> None:
        settings = running.settings
        self._settings = settings
        self._positions = Positions(running.db)
        self._parking = parking = Parking(settings.service, running.db, self._announce)
        self._outbox = Outbox(settings.service, running.db, SmtpSender(settings.smtp, SENDER, settings.smtp_tls))
        self._name = member_name(settings.service, settings.port)
        self._maintained = Maintained(
            settings.service, spec.projections, running.db, running.store, parking, self._name
        )
        reactors = [
            Reactor(a, spec.projections, running.db, running.store, self._outbox, parking, running.versions)
            for a in spec.automations
        ]
        self._eraser = Eraser(running.db, running.store.codec, self._maintained)
        self._holes = Holes(running.store, self._positions)
        self._follower = Follower(
            settings.service,
            running.store.codec,
            self._maintained,
            reactors,
            self._eraser,
            self._positions,
            self._holes,
        )
        holder = f"{socket.gethostname()}/{clock.new_id()}"
        self._relay = Relay(settings.service, running.store, running.db, settings.brokers, spec.published, holder)
        self._windows = Windows(self._follower.handle, self._fatal)
        self._faust = self._faust_app(spec)
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._health = self._checks(running)
        self._progress = (0, monotonic())

    def _faust_app(self, spec: WorkerSpec) -> App:
        app = App(
            self._settings.service,
            broker=[f"kafka://{address}" for address in self._settings.kafka.split(",")],
            broker_credentials=kafka.connection(self._settings.brokers).get("ssl_context"),
            broker_client_id=self._name,
            web_enabled=False,
            datadir=str(Path(tempfile.gettempdir()) / "vetwire-faust"),
            broker_session_timeout=10,
            broker_heartbeat_interval=2,
            broker_request_timeout=30,
            producer_request_timeout=30,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=2 * MAX_MESSAGE_BYTES,
            consumer_metadata_max_age_ms=10_000,  # a topic that was made anew is not seen earlier
            topic_allow_declare=False,
            topic_disable_leader=True,
            processing_guarantee="at_least_once",
            broker_max_poll_records=WINDOW,
            stream_wait_empty=False,  # what is under way comes again from the saved positions
        )
        app.starting_points = self._starting_points
        app.deliver = self._windows.deliver
        source = app.topic(*(events_topic(service) for service in spec.follows), value_type=bytes)
        app.agent(source, name=f"{self._settings.service}.follow", concurrency=1)(self._windows.consume)
        return app

    async def _starting_points(self, assigned: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        brokers = self._settings.brokers
        saved = await self._positions.starting_points(brokers, assigned)
        points = await self._holes.starting_points(brokers, saved)
        self._follower.lag.begin(points)
        return points

    def _checks(self, running: Runtime) -> Health:
        health = Health(self._settings.service)
        health.add("servers", running.ping)
        health.add("assigned", self._check_assigned)
        return health

    async def _check_assigned(self) -> None:
        if not self._faust.consumer.assignment():
            raise RuntimeError("no partitions are assigned yet")

    async def run(self) -> None:
        """Until SIGTERM or SIGINT; raises what made it impossible to go on."""
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self._leave)
        self._faust.finalize()
        parts = (
            self._follow(),
            self._follower.run(),
            self._maintained.run(),
            self._relay.run(),
            self._outbox.run(),
            self._parking.run(),
            self._eraser.run(),
            self._serve_health(),
        )
        tasks = [asyncio.ensure_future(part) for part in parts]
        for task in tasks:
            task.add_done_callback(self._task_ended)
        await self._stop.wait()
        await self._shut_down(tasks)
        if self._failure is not None:
            raise self._failure

    async def _follow(self) -> None:
        await take_over(self._settings.brokers, self._settings.service, self._name)
        await self._faust.start()
        await self._watch()

    async def _shut_down(self, tasks: Sequence["asyncio.Future[None]"]) -> None:
        self._health.drain()
        for task in tasks:
            task.cancel()
        ends = asyncio.gather(self._faust.stop(), *tasks, return_exceptions=True)
        await asyncio.wait({ends}, timeout=ORDERLY_SECONDS)

    def _leave(self) -> None:
        """End in order; but what waits for a server that is gone (faust #162, #324) cannot keep the process.

        Leaving at once is what a kill does, and safe for the same reason: what comes again changes nothing.
        """
        if not self._stop.is_set():
            self._stop.set()
            deadline = Timer(LEAVE_SECONDS, self._leave_at_once)
            deadline.daemon = True
            deadline.start()

    def _leave_at_once(self) -> None:
        log.warning("worker leaves at once", service=self._settings.service, after_seconds=LEAVE_SECONDS)
        sys.stdout.flush()
        os._exit(0 if self._failure is None else 1)

    def _task_ended(self, task: "asyncio.Future[None]") -> None:
        if not task.cancelled() and (error := task.exception()):
            self._fatal(error)

    def _fatal(self, error: BaseException) -> None:
        if self._stop.is_set():
            return
        log.error("worker gives up", service=self._settings.service, exc_info=error)
        self._failure = error
        self._leave()

    async def _watch(self) -> None:
        """Measure the lag; give up when there is some and nothing moves, since a restart heals a stuck consumer.

        Known to happen after broker restarts and rebalances: aiokafka #1154, faust #629.
        """
        while True:
            await asyncio.sleep(MEASURE_SECONDS)
            if self._faust.crashed:
                raise RuntimeError(f"faust crashed: {self._faust.crash_reason!r}")
            assigned = [TopicPartition(*tp) for tp in self._faust.consumer.assignment()]
            told: dict[TopicPartition, int | None] = {tp: self._faust.consumer.highwater(TP(*tp)) for tp in assigned}
            ends = {tp: end for tp, end in told.items() if end is not None}
            lag = self._follower.measure(ends)
            read = sum(offset for offset, _ in self._follower.handled.values())
            if lag <= 0 or read != self._progress[0]:
                self._progress = (read, monotonic())
            elif monotonic() - self._progress[1] > STUCK_SECONDS:
                raise RuntimeError(f"{lag} records behind and nothing read for {STUCK_SECONDS} s")

    async def _serve_health(self) -> None:
        config = uvicorn.Config(
            health_app(self._health),
            host=self._settings.bind,
            port=self._settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
        )
        await _Server(config).serve()

    async def _announce(self, handler: str, event: StoredEvent, reason: str) -> None:
        headers = [("handler", handler.encode()), ("reason", reason.encode()), ("ce_id", str(event.id).encode())]
        topic = parked_topic(self._settings.service)
        async with kafka.producer(self._settings.brokers, f"{self._settings.service}-parked") as producer:
            await producer.send_and_wait(topic, key=event.stream.encode(), value=event.data, headers=headers)


def run_worker(spec: WorkerSpec, settings: ChassisSettings) -> None:
    """The process's main: runs until SIGTERM; exits non-zero when the worker cannot go on."""
    arm(settings.crash_point, settings.env)
    set_up_logging(settings.service, settings.env, settings.log_level)
    set_up_tracing(f"{settings.service}-worker", settings.env, settings.otlp_endpoint)
    try:
        uvloop.run(_main(spec, settings))
    finally:
        shut_down_tracing()


async def _main(spec: WorkerSpec, settings: ChassisSettings) -> None:
    async with runtime(settings) as running:
        await ensure_outbox_index(running.db)
        for projection in spec.projections:
            await ensure_indexes(await running.versions.collection(projection), projection)
        worker = Worker(spec, running)
        settle()
        await worker.run()
