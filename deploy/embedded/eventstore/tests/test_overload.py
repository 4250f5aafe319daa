"""Requests that ask too much: slow expressions, idle streams, appends that never end."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

import grpc
import pytest
from esdbclient import EventStoreDBClient, NewEvent, StreamState

from deploy.embedded.eventstore.expressions import LONGEST_NAME
from deploy.embedded.eventstore.tests.hostile import MIB, STREAMS, Read, answer_seconds, batch, opened, read, send
from deploy.embedded.eventstore.tests.running import RunningServer

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("serves_on")]

IDLE_STREAMS = 2000
REFUSED_WITHIN = 5
"""Seconds: tried instead of refused, each of the expressions would run for minutes."""
OTHERS_WAIT = 6
"""Seconds at most: far above what they wait on a busy machine, far below what they would behind an attacker."""


def append_long_types(attacked: RunningServer, stream: str, count: int) -> None:
    """Names on which a slow expression is slow, each another one."""
    types = [f"{'a' * (LONGEST_NAME - 4)}{number:04}" for number in range(count)]
    client = EventStoreDBClient(attacked.uri)
    events = [NewEvent(type_, b"{}") for type_ in types]
    client.append_to_stream(stream, current_version=StreamState.ANY, events=events)
    client.close()


SLOW_BUT_ALLOWED = r"(?i)\w*?\w*?!"


@pytest.mark.parametrize("regex", ["(a+)+$", "(a|a)*b", r"(a*)\1", "(", "a" * 20_000, "(" * 8000])
def test_an_expression_that_could_stall_it_is_refused_at_once(attacked: RunningServer, regex: str) -> None:
    with opened(attacked) as channel:
        told = send(channel, "Read", [read(regex).SerializeToString()], REFUSED_WITHIN)
    assert told is grpc.StatusCode.INVALID_ARGUMENT


def test_a_slow_expression_is_ended_and_then_remembered(attacked: RunningServer) -> None:
    append_long_types(attacked, "slow", 100)
    statuses: list[Any] = []

    def attack() -> None:
        with opened(attacked) as channel:
            statuses.extend(send(channel, "Read", [read(SLOW_BUT_ALLOWED).SerializeToString()], 20) for _ in range(5))

    attacker = Thread(target=attack)
    attacker.start()
    waits = []
    while attacker.is_alive():
        waits.append(answer_seconds(attacked))
    attacker.join()
    assert statuses == [grpc.StatusCode.INVALID_ARGUMENT] * 5
    assert max(waits) < OTHERS_WAIT


def test_a_subscription_with_a_slow_expression_ends_and_holds_nobody_up(attacked: RunningServer) -> None:
    live = read(SLOW_BUT_ALLOWED + "!", subscription=Read.SubscriptionOptions())
    live.options.all.end.SetInParent()
    ended: list[Any] = []
    with opened(attacked) as channel:
        reader = Thread(target=lambda: ended.append(send(channel, "Read", [live.SerializeToString()], 20)))
        reader.start()
        sleep(0.2)
        append_long_types(attacked, "live", 100)
        assert answer_seconds(attacked) < OTHERS_WAIT
        reader.join(20)
    assert ended == [grpc.StatusCode.INVALID_ARGUMENT]


def resident(attacked: RunningServer) -> int:
    pages = Path(f"/proc/{attacked.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def test_thousands_of_idle_streams_cost_little(attacked: RunningServer) -> None:
    before = resident(attacked)
    request = read(subscription=Read.SubscriptionOptions())
    request.options.all.end.SetInParent()
    with opened(attacked) as channel:
        subscribe = channel.unary_stream(f"{STREAMS}/Read")
        readers = [subscribe(request.SerializeToString()) for _ in range(IDLE_STREAMS)]
        assert all(next(reader) for reader in readers)
        assert answer_seconds(attacked) < OTHERS_WAIT
        assert resident(attacked) - before < IDLE_STREAMS * 80 * 1024
        for reader in readers:
            reader.cancel()


def test_appends_that_are_never_finished_fill_their_room_and_no_more(attacked: RunningServer) -> None:
    before = resident(attacked)
    pieces = [batch(b"x" * 900_000, False, correlation=number).SerializeToString() for number in range(60)]
    with opened(attacked) as channel:
        calls = [channel.stream_stream(f"{STREAMS}/BatchAppend")(hanging(pieces), timeout=10) for _ in range(3)]
        codes = {call.code() for call in calls}
        assert resident(attacked) - before < 300 * MIB
    assert grpc.StatusCode.RESOURCE_EXHAUSTED in codes
    with opened(attacked) as channel:
        assert send(channel, "BatchAppend", [pieces[0], batch(correlation=0).SerializeToString()], 5) is None


def hanging(pieces: Sequence[bytes]) -> Iterator[bytes]:
    """Send all, then leave the call open for a while."""
    yield from pieces
    sleep(1)
