"""kill -9 of brokers in turn, then of a partition's leader, while commands go on (reliability B.2, test 5)."""

import asyncio

import pytest

from tests.integration.faults.accounts import NOTICED, TOPIC, Writer, all_is_well
from tests.integration.faults.conftest import Stack
from tests.integration.pipeline.conftest import Toy, ToyWorker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]


@pytest.mark.parametrize(
    "first", [pytest.param((), id="leader"), pytest.param((1, 2, 3), id="each-then-leader", marks=pytest.mark.thorough)]
)
async def test_killing_brokers_and_then_a_leader_loses_and_doubles_nothing(
    stack: Stack, service: Toy, worker: ToyWorker, first: tuple[int, ...]
) -> None:
    brokers, writer = stack.brokers, Writer(service)
    writing = asyncio.ensure_future(writer.write())
    await brokers.until_in_sync([TOPIC])
    for victim in first:
        await writer.until(25)
        await killed_and_back(stack, writer, victim)
    leader = next(p["leader"] for p in await brokers.partitions([TOPIC]) if p["partition"] == 0)
    await killed_and_back(stack, writer, leader)
    writer.stopping = True
    await writing
    await all_is_well(service)
    assert writer.slowest < NOTICED


async def killed_and_back(stack: Stack, writer: Writer, victim: int) -> None:
    """Commands go on before it is missed, while it is missed, and while it catches up."""
    stack.brokers.kill(victim)
    await stack.brokers.until_in_sync([TOPIC], copies=2)
    await writer.until(25)
    stack.brokers.start(victim)
    await stack.brokers.ready(victim)
    await stack.brokers.until_in_sync([TOPIC])
