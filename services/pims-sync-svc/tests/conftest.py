"""The API in memory, a practice system that pushes to it, and what is known about records, folded from the streams."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from pims_sync.intake.records import Digest, Known
from pims_sync.main import build
from pims_sync.settings import PimsSyncSettings
from shared.chassis.verifier import Verifier
from shared.events.envelope import Recorded
from shared.kernel.decider import Projection
from shared.kernel.streams import clinic_of
from shared.testing.api_in_memory import ApiInMemory
from shared.testing.memory import MemoryEventStore


class MemoryRecords:
    """`lag` events at the end of the log have not been seen; `is_late`: waiting for them is in vain."""

    def __init__(self, store: MemoryEventStore) -> None:
        self._store = store
        self.lag = 0
        self.is_late = False
        self.asked: list[str] = []

    async def caught_up(self, projection: Projection[Any, Any]) -> bool:
        return not self.is_late

    async def known(self, projection: Projection[Any, Any], streams: Iterable[str]) -> dict[str, Known]:
        wanted = set(streams)
        self.asked += sorted(wanted)
        return {stream: known for stream, known in (await self._all(projection)).items() if stream in wanted}

    async def digests(self, projection: Projection[Any, Any], clinic_id: str) -> AsyncIterator[Sequence[Digest]]:
        for stream, known in (await self._all(projection)).items():
            if clinic_of(stream) == clinic_id:
                yield [Digest(stream, known.view.row_digest, known.view.observed_at)]

    async def _all(self, projection: Projection[Any, Any]) -> dict[str, Known]:
        streams: dict[str, list[Recorded]] = {}
        recorded = await self._store.recorded()
        for event in recorded[: len(recorded) - self.lag]:
            if event.stream.startswith(f"{projection.category}-"):
                streams.setdefault(event.stream, []).append(event)
        return {
            stream: Known(projection.fold(r.event for r in history), history[-1].revision)
            for stream, history in streams.items()
        }


class Practice:
    """A PIMS client that pushes files as the clinic `elm`."""

    def __init__(self) -> None:
        self.records: MemoryRecords
        self.api = ApiInMemory(self._build, PimsSyncSettings())
        self.pims = self.api.caller("pims")

    def _build(self, settings: PimsSyncSettings, verifier: Verifier, state: dict[str, Any]) -> FastAPI:
        self.records = MemoryRecords(state["runtime"].store)
        return build(settings, verifier, {**state, "records": self.records})

    def start(self, mode: str = "full", **options: Any) -> str:
        answer = self.pims.post("/runs", {"mode": mode, "vendor": "avimark"}, **options)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["run_id"])

    def send(self, run_id: str, entity: str, content: str | bytes, **headers: str) -> httpx2.Response:
        sent = {**self.pims.headers, "Content-Type": "text/csv", **headers}
        raw = content.encode() if isinstance(content, str) else content
        url = f"clinics/elm/runs/{run_id}/files/{entity}"
        return self.api.client.put(url, content=raw, headers=sent)

    def complete(self, run_id: str, **declared: int) -> httpx2.Response:
        return self.pims.post(f"/runs/{run_id}/complete", {"declared_counts": declared})


@pytest.fixture
def practice() -> Practice:
    return Practice()
