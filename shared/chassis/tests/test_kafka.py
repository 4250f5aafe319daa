"""A broker that does not answer costs time and nothing else."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator

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
