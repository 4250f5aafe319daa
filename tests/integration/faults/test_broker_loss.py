"""Brokers away, topics wiped, a group forgotten, a backlog eaten by retention (reliability B.2, test 5; design 8).

The event store knows everything: whatever Kafka loses, every view ends up as its fold, and no effect leaves twice.
"""

from dataclasses import dataclass
from time import monotonic

import pytest
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import NonEmptyGroup, for_code
from aiokafka.protocol.admin import DeleteGroupsRequest

from shared.chassis import kafka
from tests.integration.faults.accounts import (
    A_PRIZE,
    NOTICED,
    TOPIC,
    WITHIN,
    all_is_well,
    all_on_topic,
    relaying,
)
from tests.integration.faults.brokers import COPIES, admin
from tests.integration.faults.conftest import Stack
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, ToyWorker, eventually

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]


@dataclass
class Commands:
    """Numbered streams of two events; the first of each tenth stream wants a prize."""

    service: Toy
    streams: int = 0
    prizes: int = 0

    async def accepted(self, more: int) -> None:
        """All are, and quickly: nobody waits for a broker."""
        begun = monotonic()
        for number in range(self.streams, self.streams + more):
            await self.service.count(f"s{number}", A_PRIZE if number % 10 == 0 else 1, 1)
            self.prizes += number % 10 == 0
        self.streams += more
        assert monotonic() - begun < NOTICED

    async def arrived(self) -> None:
        await all_is_well(self.service)


async def test_commands_are_accepted_while_no_broker_runs(stack: Stack, service: Toy, worker: ToyWorker) -> None:
    commands = Commands(service)
    await commands.accepted(20)
    stack.brokers.kill()
    await commands.accepted(40)
    stack.brokers.start()
    await stack.brokers.ready()
    await commands.accepted(20)
    await commands.arrived()


async def test_topics_wiped_under_a_running_worker_are_filled_again(
    stack: Stack, service: Toy, worker: ToyWorker
) -> None:
    """Nothing is restarted: offsets that begin at 0 again tell the relay that all it had put there is gone."""
    commands = Commands(service)
    await commands.accepted(30)
    await commands.arrived()
    await wiped(stack)
    await commands.accepted(30)
    await commands.arrived()


@pytest.mark.thorough
async def test_a_deleted_consumer_group_changes_nothing(stack: Stack, service: Toy, worker: ToyWorker) -> None:
    """Where a worker starts is kept beside its views; what Kafka remembers of the group is a hint."""
    commands = Commands(service)
    await commands.accepted(20)
    await commands.arrived()
    worker.stop()
    await group_deleted(stack)
    await commands.accepted(20)
    worker.start()
    await commands.arrived()


async def test_a_backlog_that_retention_ate_is_read_from_the_event_store(
    stack: Stack, service: Toy, worker: ToyWorker
) -> None:
    """Published, and deleted before the worker came to read it; no later event of those streams shows a gap."""
    commands = Commands(service)
    await commands.accepted(10)
    await commands.arrived()
    worker.stop()
    await commands.accepted(30)
    async with relaying(service):
        await eventually(lambda: all_on_topic(service), WITHIN)
    await eaten(stack)
    worker.start()
    await eventually(lambda: views_show_everything(commands), WITHIN)
    await wiped(stack)  # the accounts of other tests read the topic from its first record


async def views_show_everything(commands: Commands) -> bool:
    rows = commands.service.running.db["tallies"].count_documents({"_clinic": commands.service.clinic, "_rev": 1})
    mails = commands.service.running.db["outbox"].count_documents({"_clinic": commands.service.clinic})
    found = (await rows, await mails)
    assert found[1] <= commands.prizes
    return found == (commands.streams, commands.prizes)


async def wiped(stack: Stack) -> None:
    """The broker deletes in the background: the topics are made anew once they are gone."""
    bootstrap, names = stack.servers.kafka, [topic.name for topic in toy.TOPICS]
    async with admin(bootstrap) as asked:
        await asked.delete_topics(names)

    async def made_anew() -> bool:
        return bool(await kafka.ensure_topics(bootstrap, toy.TOPICS[:1], COPIES))

    await eventually(made_anew)
    await kafka.ensure_topics(bootstrap, toy.TOPICS, COPIES)


async def eaten(stack: Stack) -> None:
    """What retention does, at once: all records of the topic are gone, and their offsets stay used."""
    ends = await kafka.ends(stack.servers.kafka, [TOPIC])
    async with admin(stack.servers.kafka) as asked:
        await asked.delete_records({tp: RecordsToDelete(end) for tp, end in ends.items()})


async def group_deleted(stack: Stack) -> None:
    """aiokafka's admin client has no call for it. Possible once the worker has left the group."""
    async with admin(stack.servers.kafka) as asked:

        async def deleted() -> bool:
            coordinator = await asked.find_coordinator(toy.SERVICE)
            answer = await asked._send_request_to_node(coordinator, DeleteGroupsRequest([toy.SERVICE]))
            [(_, code)] = [result[:2] for result in answer.results]
            if code and for_code(code) is not NonEmptyGroup:
                raise for_code(code)(toy.SERVICE)
            return not code

        await eventually(deleted)
