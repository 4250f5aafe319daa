"""kill -9 at every named point of the chassis: whoever comes next finishes the work, once (reliability B.2.1)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.ports import free_port
from deploy.embedded.services_plan import python_path
from shared.chassis import clock
from shared.chassis.crash_points import Point
from shared.chassis.runtime import Runtime
from shared.chassis.switching import control
from shared.chassis.worker_app import WorkerSpec
from shared.events.referral import ReferralSubmitted
from shared.testing.running import Servers
from shared.testing.tokens import Mint
from tests.integration.chaos.checker import check
from tests.integration.chaos.history import History, Shows, Wish
from tests.integration.chaos.issuer import published_keys
from tests.integration.chaos.mortal import Mortal
from tests.integration.chaos.sending import Sender
from tests.integration.chaos.world import World
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, environment
from tests.integration.pipeline.rebuilding import VIEW, back_to_the_first

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]
IN_THE_API = (
    Point.AFTER_CLAIM,
    Point.AFTER_LOAD,
    Point.AFTER_DECIDE,
    Point.AFTER_APPEND_BEFORE_REPLY,
    Point.AFTER_ANSWER_KEPT_BEFORE_REPLY,
)
IN_THE_WORKER = (
    Point.AFTER_PUBLISH_BEFORE_CHECKPOINT,
    Point.AFTER_VIEWS_BEFORE_AUTOMATIONS,
    Point.AFTER_PARK_BEFORE_TELLING,
    Point.AFTER_REACTION_BEFORE_INBOX,
    Point.AFTER_ERASURE_NOTED_BEFORE_FOLD,
    Point.AFTER_MONGO_BEFORE_ACK,
    Point.AFTER_EFFECT_BEFORE_MARK,
)
OF_OPERATORS = (Point.MID_REBUILD, Point.BEFORE_SWITCH, Point.AFTER_SWITCH_BEFORE_RELEASE)
REFERRALS = "/api/referral/v1/clinics/elm/referrals"


def test_every_point_is_exercised() -> None:
    assert {*IN_THE_API, *IN_THE_WORKER, *OF_OPERATORS} == set(Point)


@pytest.fixture
def worker(servers: Servers, toy_events: None, tmp_path: Path) -> Iterator[Mortal]:
    mortal = Mortal("tests.integration.pipeline.toy", environment(servers, free_port()), tmp_path / "worker.log")
    yield mortal
    mortal.end()


async def load(service: Toy, name: str) -> None:
    """Three mails and commands of an automation, two parked events, and somebody of another clinic who is erased."""
    for number in range(3):
        await service.count(f"{name}{number}", 1, 2, 3)
    await service.count(f"{name}bad", 1, 13, 2)
    other = Toy(service.running, f"{service.clinic}{name}")
    await other.count("a", 1, 2)
    await service.running.keys.erase(f"keeper:{other.clinic}")
    await other.append(f"forgetting-{other.clinic}", -1, toy.Forgotten(clinic_id=other.clinic))


async def terms_run_out(running: Runtime) -> None:
    """What the dead one held is free after seconds, what it was sending after a minute: that time passes."""
    await running.db["relay"].update_many({}, {"$set": {"until": clock.now()}})
    await running.db["outbox"].update_many({"state": "pending"}, {"$set": {"due": clock.now()}})


async def is_sound(service: Toy, world: World, loads: int) -> None:
    """All that the loads lead to is there, once."""
    await terms_run_out(service.running)
    await world.settle()
    evidence = await world.read([])
    evidence.expects_parked = True
    assert check(evidence) == []
    assert len({mail.effect for mail in evidence.mails}) == 3 * loads
    praised = [f.stream for f in evidence.facts if f.type == "toy.Praised.v1" and service.clinic in f.stream]
    assert len(praised) == len(set(praised)) == 3 * loads
    assert len([handler for handler, _ in evidence.parked if handler == "toy/tallies"]) == 2 * loads


async def test_workers_that_die_one_after_the_other_at_every_point_leave_nothing_undone(
    service: Toy, world: World, worker: Mortal
) -> None:
    """Each takes up what the last one left, and dies of the next point."""
    for point in IN_THE_WORKER:
        await load(service, point.replace("_", ""))
        await terms_run_out(service.running)
        worker.start(dies_at=point)
        await asyncio.to_thread(worker.dies)
        await world.snapshot()
    worker.start()
    await is_sound(service, world, len(IN_THE_WORKER))


@pytest.mark.thorough
@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("point", IN_THE_WORKER)
async def test_a_worker_that_dies_at_a_point_is_replaced_without_loss(
    service: Toy, world: World, worker: Mortal, point: Point, nth: int
) -> None:
    loads = 0
    worker.start(dies_at=f"{point}:{nth}")
    while worker.is_alive:
        await load(service, f"n{loads}")
        loads += 1
        await asyncio.sleep(0.3)
    worker.dies()
    await world.snapshot()
    worker.start()
    await is_sound(service, world, loads)


@pytest.fixture
def mint() -> Mint:
    return Mint()


@pytest.fixture
def api(servers: Servers, mint: Mint, tmp_path: Path) -> Iterator[Mortal]:
    with published_keys(mint) as url:
        told = {**environment(servers, free_port()), "VETWIRE_JWKS_URL": url, "PYTHONPATH": python_path()}
        mortal = Mortal("tests.integration.chaos.impatient_api", told, tmp_path / "api.log")
        yield mortal
        mortal.end()


@pytest.fixture
async def books(service: Toy) -> World:
    """The events of referral-svc alone: nothing relays them here."""
    found = World(service.running, {"referral": WorkerSpec(("referral",), (), (), ())})
    await found.begin()
    return found


def referring(sender: Sender, mint: Mint, mark: str) -> "asyncio.Task[Wish]":
    """Somebody who sends a case and does not give up."""
    case = {
        "client": {"name": "Client of a run"},
        "patient": {"name": mark, "species": "dog"},
        "history": "Coughs.",
        "clinical_signs": "Murmur.",
        "owner_consents": True,
    }
    shows = Shows(ReferralSubmitted.type_name, mark)
    vet = mint.headers("referring_vet", ("elm",))
    return asyncio.ensure_future(sender.post(vet, REFERRALS, case, "refer", shows))


async def every_case_is_there_once(sender: Sender, books: World, cases: list["asyncio.Task[Wish]"]) -> None:
    wishes = await asyncio.gather(*cases)
    assert await sender.repeat_all() == len(cases)
    assert check(await books.read(list(wishes))) == []
    await sender.close()


async def test_apis_that_die_one_after_the_other_at_every_point_answer_each_command_once(
    api: Mortal, books: World, mint: Mint, service: Toy, tmp_path: Path
) -> None:
    """The client repeats what was not answered, with its key, until somebody lives long enough."""
    sender = Sender(api.url, History(tmp_path / "history.jsonl"), service.clinic)
    cases = []
    for point in IN_THE_API:
        api.start(dies_at=point)
        cases.append(referring(sender, mint, f"{service.clinic}{point}"))
        await asyncio.to_thread(api.dies)
    api.start()
    await every_case_is_there_once(sender, books, cases)


@pytest.mark.thorough
@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("point", IN_THE_API)
async def test_an_api_that_dies_at_a_point_is_replaced_and_its_command_answered_once(
    api: Mortal, books: World, mint: Mint, service: Toy, tmp_path: Path, point: Point, nth: int
) -> None:
    sender = Sender(api.url, History(tmp_path / "history.jsonl"), service.clinic)
    api.start(dies_at=f"{point}:{nth}")
    cases = [referring(sender, mint, f"{service.clinic}n{number}") for number in range(nth)]
    await asyncio.to_thread(api.dies)
    api.start()
    await every_case_is_there_once(sender, books, cases)


def operator(servers: Servers, folder: Path, work: str) -> Mortal:
    told = {**environment(servers, 0), "VETWIRE_PORT": "0"}
    return Mortal(f"tests.integration.chaos.toy_operator {work}", told, folder / f"{work}.log")


async def test_a_rebuild_and_a_switch_that_die_at_every_point_are_done_again_and_no_worker_stays_held(
    service: Toy, world: World, worker: Mortal, servers: Servers, tmp_path: Path
) -> None:
    worker.start()
    await load(service, "before")
    await world.settle()
    rebuilding, switching = operator(servers, tmp_path, "rebuild"), operator(servers, tmp_path, "switch")
    rebuilding.start(dies_at=Point.MID_REBUILD)
    await asyncio.to_thread(rebuilding.dies)
    rebuilding.start()
    assert await asyncio.to_thread(rebuilding.ended) == 0
    active = (await control(service.running.db, VIEW)).active
    switching.start(dies_at=Point.BEFORE_SWITCH)
    await asyncio.to_thread(switching.dies)
    assert (await control(service.running.db, VIEW)).active == active
    switching.start(dies_at=Point.AFTER_SWITCH_BEFORE_RELEASE)
    await asyncio.to_thread(switching.dies)
    assert (await control(service.running.db, VIEW)).active != active
    await load(service, "after")
    await is_sound(service, world, 2)
    await back_to_the_first(service)
