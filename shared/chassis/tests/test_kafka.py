"""A broker that does not answer costs time and nothing else."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from shared.chassis import kafka

pytestmark = pytest.mark.anyio


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """The address of a server that accepts and says nothing."""
    leave = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await leave.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    leave.set()
    server.close()


@pytest.mark.parametrize("is_producer", [True, False])
async def test_a_client_that_could_not_start_is_closed(
    silent: str, monkeypatch: pytest.MonkeyPatch, is_producer: bool
) -> None:
    """The relay tries again twice a second: what is left open each time would pile up."""
    monkeypatch.setattr(kafka, "_PATIENCE", 0.1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(kafka.INFRASTRUCTURE_ERRORS):
            await (_produce(silent) if is_producer else kafka.ends(silent, ["toy.events"]))
        gc.collect()
    assert [str(w.message) for w in caught if "Unclosed" in str(w.message)] == []


async def _produce(bootstrap: str) -> None:
    async with kafka.producer(bootstrap, "test"):
        raise AssertionError("nobody answered")


class Unending:
    """A producer that has something to send, no broker to send it to, and so never stops."""

    def __init__(self, **_: object) -> None:
        self.client = SimpleNamespace(close=self._nothing)
        self._sender = SimpleNamespace(sender_task=asyncio.ensure_future(asyncio.Event().wait()))
        self._message_accumulator = SimpleNamespace(fail_all=self._fail)
        self.sending = self._sender.sender_task
        self.failed: list[Exception] = []

    async def start(self) -> None:
        """At once."""

    async def stop(self) -> None:
        await asyncio.Event().wait()

    async def _nothing(self) -> None:
        """Closed."""

    def _fail(self, error: Exception) -> None:
        self.failed.append(error)


async def test_a_producer_that_is_given_up_sends_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would wait for the broker beside its successor, and then send what is outdated."""
    monkeypatch.setattr(kafka, "AIOKafkaProducer", Unending)
    monkeypatch.setattr(kafka, "_STOP_WITHIN", 0.05)
    async with kafka.producer("nowhere", "test") as made:
        assert isinstance(made, Unending)
    assert made.sending.cancelled()
    assert len(made.failed) == 1
