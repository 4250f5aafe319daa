"""`vetwire projections`: every change is a dry run first, and every change is in the audit."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, ToyWorker
from tests.integration.pipeline.operators import Operator, counted, last_act
from tests.integration.pipeline.rebuilding import VIEW, back_to_the_first

pytestmark = [pytest.mark.anyio, pytest.mark.servers]
NAME = f"toy/{toy.TALLIES.collection}"


@pytest.fixture(autouse=True)
async def first_version_in_the_end(service: Toy, worker: ToyWorker) -> AsyncIterator[None]:
    yield
    await back_to_the_first(service)


async def versions(operator: Operator) -> dict[int, str]:
    [view] = [view for view in (await operator.json("projections", "list"))["views"] if view["view"] == NAME]
    return {each["version"]: each["state"] for each in view["versions"]}


async def test_from_a_rebuild_to_the_switch_back_and_the_drop(
    service: Toy, worker: ToyWorker, operator: Operator
) -> None:
    await counted(service, "a", 1, 2)
    dry = await operator.json("projections", "rebuild", NAME)
    assert (dry["dry_run"], dry["version"], await versions(operator)) == (True, None, {1: "active"})
    built = await operator.json("projections", "rebuild", NAME, "--yes")
    new = built["version"]
    assert built["documents"] >= 1
    assert await versions(operator) == {1: "active", new: "ready"}
    assert (await last_act(service)).command == "projections rebuild"
    compared = await operator.json("projections", "diff", NAME, "--clinic", service.clinic)
    assert (compared["added"], compared["lost"], compared["changed"], operator.code) == (0, 0, 0, 0)
    assert (await operator.json("projections", "switch", NAME))["dry_run"]
    assert (await versions(operator))[1] == "active"
    await operator.json("projections", "switch", NAME, "--yes")
    assert await versions(operator) == {1: "ready", new: "active"}
    await operator.json("projections", "drop", NAME, str(new), "--yes")
    assert operator.code == 1
    await operator.json("projections", "back", NAME, "--yes")
    assert (await operator.json("projections", "drop", NAME, str(new), "--at-once"))["dry_run"]
    await operator.json("projections", "drop", NAME, str(new), "--at-once", "--yes")
    assert await versions(operator) == {1: "active"}
    assert (await last_act(service)).arguments == {"view": NAME, "version": str(new)}


async def test_a_difference_is_an_alarm_that_names_documents_and_fields_and_no_values(
    service: Toy, worker: ToyWorker, operator: Operator
) -> None:
    await counted(service, "a", 1)
    built = await operator.json("projections", "rebuild", NAME, "--yes")
    mark = {"_id": f"{service.clinic}.a"}
    await service.running.db[f"{VIEW}.v{built['version']}"].update_one(mark, {"$set": {"keeper": "other"}})
    found = await operator.json("projections", "diff", NAME, "--clinic", service.clinic)
    assert operator.code == 2
    assert found["samples"]["changed"] == [{"key": f"{service.clinic}.a", "fields": ["keeper"]}]
    told = await operator.text("projections", "diff", NAME, "--clinic", service.clinic)
    assert f"{service.clinic}.a" in told
    assert "other" not in told


async def test_verifying_alarms_for_a_document_that_is_not_what_its_stream_says(
    service: Toy, worker: ToyWorker, operator: Operator
) -> None:
    await counted(service, "a", 1)
    mark = {"_id": f"{service.clinic}.a"}
    await service.running.db[VIEW].update_one(mark, {"$set": {"total": 7}})
    found = await operator.json("projections", "verify", NAME, "--clinic", service.clinic)
    await service.running.db[VIEW].update_one(mark, {"$set": {"total": 1}})
    assert (operator.code, found["wrong"]) == (2, 1)
    assert f"{service.clinic}.a" in str(found["samples"]["wrong"])


async def test_an_unknown_view_is_an_error_that_names_those_there_are(operator: Operator, worker: ToyWorker) -> None:
    for command in ("rebuild", "diff", "switch", "back", "verify"):
        await operator.json("projections", command, "toy/nothing")
        assert operator.code == 1
