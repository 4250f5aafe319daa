"""The parts of the operators' command that need no servers."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ops.vetwire import addresses, asking, browsing
from ops.vetwire.addresses import NoEndpoints, configuration
from ops.vetwire.app import run
from ops.vetwire.asking import NotAnOperator
from ops.vetwire.browsing import EventShown
from ops.vetwire.command_line import Failure, within
from ops.vetwire.health import (
    HandlerHealth,
    OutboxHealth,
    RelayHealth,
    ServiceHealth,
    Thresholds,
    alarms,
)
from ops.vetwire.parked_groups import ParkedStream, groups
from ops.vetwire.served import Served, product
from shared.chassis.settings import ChassisSettings
from shared.chassis.worker_app import WorkerSpec
from shared.events.envelope import StoredEvent
from shared.events.topics import SERVICES
from shared.testing.clocks import NOON
from shared.testing.tokens import Mint

ROOT = Path(__file__).parents[2]
TOY = Served("toy", WorkerSpec((), (), (), ()), ())


@pytest.fixture(autouse=True)
def nothing_runs_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(addresses, "USUAL_ENDPOINTS", tmp_path / "nowhere" / "endpoints.json")


@pytest.fixture
def embedded(tmp_path: Path) -> Path:
    """The endpoints of a running embedded system, and the secrets beside them."""
    told = {
        "eventstore": "esdb://e",
        "kafka": "k:1",
        "mongodb": "mongodb://m",
        "gateway": "http://g",
        "services": {"portal": {"api": {"url": "http://p"}}},
    }
    (tmp_path / "endpoints.json").write_text(json.dumps(told))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "vetwire_kek").write_text("kek\n")
    return tmp_path / "endpoints.json"


def test_an_embedded_system_tells_where_it_is_and_its_keys(embedded: Path) -> None:
    assert configuration({}, {}, embedded) == {
        "VETWIRE_EVENTSTORE": "esdb://e",
        "VETWIRE_KAFKA": "k:1",
        "VETWIRE_MONGODB": "mongodb://m",
        "VETWIRE_PUBLIC_URL": "http://g",
        "VETWIRE_JWKS_URL": "http://p/api/portal/v1/.well-known/jwks.json",
        "VETWIRE_KEK": "kek",
    }


def test_options_come_before_the_environment_and_that_before_the_file(embedded: Path) -> None:
    options, environment = {"VETWIRE_KAFKA": "option", "VETWIRE_MONGODB": None}, {"VETWIRE_MONGODB": "environment"}
    found = configuration(options, environment, embedded)
    wanted = ("VETWIRE_KAFKA", "VETWIRE_MONGODB", "VETWIRE_EVENTSTORE")
    assert [found[name] for name in wanted] == ["option", "environment", "esdb://e"]


def test_two_installations_are_never_mixed(embedded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "USUAL_ENDPOINTS", embedded)
    assert configuration({}, {}, None)["VETWIRE_KAFKA"] == "k:1"
    environment = {"VETWIRE_EVENTSTORE": "esdb://other", "PATH": "/bin"}
    assert configuration({}, environment, None) == {"VETWIRE_EVENTSTORE": "esdb://other"}


def test_endpoints_that_cannot_be_read_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NoEndpoints):
        configuration({}, {}, tmp_path / "nothing.json")
    assert run(["--endpoints", str(tmp_path / "nothing.json"), "status"]) == 1
    assert "no endpoints" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nothing"], ["status", "--bogus"], ["parked", "discard", "f"], ["erase"]])
def test_what_is_not_understood_is_an_error_and_no_alarm(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 1
    assert "Usage" in capsys.readouterr().err


def test_it_runs_from_the_root_as_it_is() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "ops.vetwire", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "Exit codes: 0 fine, 1 error, 2 alarm." in told.stdout


@pytest.mark.parametrize(
    "group",
    [
        "status",
        "events",
        "parked",
        "outbox list",
        "outbox resend",
        "relay",
        "topics",
        "erase",
        "state",
        "document",
        "events tree",
    ],
)
def test_every_command_helps(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*group.split(), "--help"]) == 0
    assert "Usage: vetwire" in capsys.readouterr().out


def test_the_product_is_all_services_with_who_can_be_erased() -> None:
    found = product()
    assert tuple(service.name for service in found.services) == SERVICES
    assert {kind for service in found.services for kind in service.erasers} == {"client", "account"}
    decider = found.decider("appointment")
    assert decider is not None
    assert decider.category == "appointment"
    assert found.decider("nothing") is None


@pytest.mark.anyio
async def test_an_operators_token_says_who_asks() -> None:
    mint = Mint()
    who = await asking.asking(ChassisSettings(), mint.token("operator", ("*",)), mint.verifier())
    assert (who.name, who.known_by) == ("operator-1", "token")
    who.may_see_personal_data()


@pytest.mark.anyio
@pytest.mark.parametrize("role", ["staff", "pims", "owner"])
async def test_another_roles_token_is_refused(role: str) -> None:
    mint = Mint()
    with pytest.raises(NotAnOperator, match=role):
        await asking.asking(ChassisSettings(), mint.token(role), mint.verifier())


@pytest.mark.anyio
@pytest.mark.parametrize("claims", [{"exp": 1}, {"aud": "others"}, {"iss": "https://elsewhere"}])
async def test_a_token_is_checked_as_the_services_check_it(claims: dict[str, Any]) -> None:
    mint = Mint()
    with pytest.raises(NotAnOperator, match="not valid"):
        await asking.asking(ChassisSettings(), mint.token("operator", ("*",), **claims), mint.verifier())


@pytest.mark.anyio
async def test_whoever_sits_at_the_keyboard_sees_no_personal_data() -> None:
    who = await asking.asking(ChassisSettings(), None)
    assert who.known_by == "system"
    with pytest.raises(NotAnOperator, match="--reveal"):
        who.may_see_personal_data()


@pytest.mark.parametrize(("affected", "limit", "count"), [(3, 3, None), (0, 1, None), (4, 3, 4), (2, 3, 2)])
def test_within_the_limit_or_counted_exactly(affected: int, limit: int, count: int | None) -> None:
    within(affected, limit, count, "events")


@pytest.mark.parametrize(("affected", "limit", "count"), [(4, 3, None), (4, 3, 3), (4, 3, 5), (2, 3, 1)])
def test_beyond_the_limit_or_counted_wrongly(affected: int, limit: int, count: int | None) -> None:
    with pytest.raises(Failure, match=f"{affected} events"):
        within(affected, limit, count, "events")


def event(event_id: str, cause: str | None) -> EventShown:
    return EventShown(
        id=event_id, type="toy.Counted.v1", stream="tally-elm.1", revision=0, position=0, recorded_at=NOON, actor=None,
        correlation_id="c", causation_id=cause, personal="none", data={},
    )  # fmt: skip


def test_an_event_hangs_under_its_cause_and_without_one_is_a_root() -> None:
    events = [event("a", None), event("b", "a"), event("c", "elsewhere"), event("d", "b"), event("e", "a")]
    first, second = browsing.tree(events)
    assert (first.event.id, second.event.id) == ("a", "c")
    assert [child.event.id for child in first.led_to] == ["b", "e"]
    assert [child.event.id for child in first.led_to[0].led_to] == ["d"]


@pytest.mark.parametrize(
    ("data", "shown", "personal"),
    [
        (b'{"n":1}', {"n": 1}, "none"),
        (b'{"n":1,"who":{"$personal":"client:elm.1","c":"x"}}', {"n": 1, "who": "(hidden)"}, "hidden"),
        (b"no json", "(hidden)", "hidden"),
        (b'["a list"]', "(hidden)", "hidden"),
    ],
)
def test_sealed_fields_and_what_is_no_event_are_hidden(data: bytes, shown: object, personal: str) -> None:
    stored = StoredEvent(UUID(int=1), "toy.Unknown.v9", "tally-elm.1", 0, 1, data, b"not ours")
    seen = browsing.shown_hidden(stored)
    assert (seen.data, seen.personal, seen.actor) == (shown, personal, None)


def row(revision: int, reason: str) -> dict[str, Any]:
    return {
        "_id": f"tallies/{revision}", "handler": "tallies", "revision": revision, "type": "toy.Counted.v1",
        "reason": reason, "attempts": revision, "first_at": NOON, "last_at": NOON + timedelta(seconds=revision),
    }  # fmt: skip


def test_streams_that_failed_alike_are_one_group() -> None:
    behind = "waits behind a parked event"
    streams = [
        ParkedStream(TOY, "tallies", "tally-elm.1", (row(1, "broken"), row(2, behind), row(3, behind))),
        ParkedStream(TOY, "tallies", "tally-elm.2", (row(4, "broken"),)),
        ParkedStream(TOY, "tallies", "tally-elm.3", (row(5, "otherwise"),)),
    ]
    first, second = groups(streams)
    assert (first.streams, first.events, first.waiting, first.attempts) == (2, 4, 2, 4)
    assert (first.first_at, first.last_at) == (NOON, NOON + timedelta(seconds=4))
    assert (second.reason, second.events, second.waiting) == ("otherwise", 1, 0)
    assert first.fingerprint != second.fingerprint


def health(**changes: Any) -> ServiceHealth:
    relay = RelayHealth(
        state="alive", position=1, head=1, lag_events=0, lag_is_at_least=False, lag_seconds=0, holder="h", lease="held"
    )
    view = HandlerHealth(name="pets", state="alive", topics=[], lag_events=0, lag_seconds=0, parked=0)
    parts: dict[str, Any] = {
        "service": "toy", "relay": relay, "read_at": None, "missing_topics": [], "partitions": [],
        "projections": [view], "automations": [],
        "parked": 0, "outbox": OutboxHealth(pending=3, failed=0, overdue_seconds=0),
    }  # fmt: skip
    for name, change in changes.items():
        parts[name] = parts[name].model_copy(update=change) if isinstance(change, dict) else change
    return ServiceHealth(**parts)


def test_what_is_fine_raises_no_alarm() -> None:
    assert alarms(health(), Thresholds(lag_events=10, lag_seconds=60)) == []


@pytest.mark.parametrize(
    ("change", "alarm"),
    [
        ({"relay": {"lease": "free", "state": "stalled"}}, "toy: nobody relays"),
        ({"relay": {"state": "stalled"}}, "toy: the relay is stalled"),
        ({"relay": {"lag_events": 11}}, "toy: the relay is 11 events behind"),
        (
            {"relay": {"position": 8, "head": 7}},
            "toy: the relay is ahead of the event store, which was restored to an earlier point",
        ),
        ({"missing_topics": ["toy.events"]}, "toy: there is no topic toy.events"),
        ({"parked": 2}, "toy: 2 events are parked"),
        ({"outbox": {"failed": 1}}, "toy: 1 effects could not be sent"),
        ({"outbox": {"overdue_seconds": 61.0}}, "toy: effects wait since 61 s"),
    ],
)
def test_each_thing_that_is_wrong_is_one_alarm(change: dict[str, Any], alarm: str) -> None:
    assert alarms(health(**change), Thresholds(lag_events=10, lag_seconds=60)) == [alarm]
