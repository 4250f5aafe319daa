"""kill -9 of four processes, each once, during an ingest: every row is accounted for (reliability B.2.1)."""

import os
import signal
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest

from shared.testing.gateway import Feed, Gateway, NewClinic, eventually_equal, gateway_of
from shared.testing.running import RunningSystem

ROWS = 6_000
BAD = (1_000, 3_000, 5_000)
PIECE = 150
VICTIMS = ("pims-sync-api", "pims-sync-worker", "portal-worker", "kafka")
pytestmark = pytest.mark.timeout(300)


def file_of_patients() -> list[bytes]:
    """Pieces of a file with a header and some rows that cannot be taken."""
    lines = ["ClientAccountId,AccountId,Name,Species,Breed,DOB\n"]
    lines += [f"C{n % 900},{n},Pet {n},CANINE,Mixed,{'31/31/31' if n in BAD else ''}\n" for n in range(ROWS)]
    pieces = ["".join(lines[i : i + PIECE]) for i in range(0, len(lines), PIECE)]
    return [piece.encode() for piece in pieces]


class Killer:
    """Kills the next victim at every eighth piece that is sent, whichever attempt to send it that is."""

    def __init__(self, system: RunningSystem, victims: tuple[str, ...]) -> None:
        self._system = system
        self._left = list(victims)
        self.killed: list[tuple[str, int]] = []

    def watch(self, pieces: list[bytes]) -> Iterator[bytes]:
        """The pieces, slowly enough for the whole pipeline to be at work."""
        for number, piece in enumerate(pieces, 1):
            if number % 8 == 0 and self._left:
                self._kill(self._left.pop(0))
            time.sleep(0.1)
            yield piece

    def _kill(self, victim: str) -> None:
        self.killed.append((victim, self._system.component(victim)["restarts"]))
        os.kill(self._system.pid(victim), signal.SIGKILL)


def send_until_taken(send: Callable[[], httpx2.Response], within: float = 180.0) -> httpx2.Response:
    """What a bridge does: send again after a broken connection or a 5xx."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            answer = send()
        except httpx2.TransportError:
            time.sleep(0.5)
            continue
        if answer.status_code < 500:
            return answer
        time.sleep(min(float(answer.headers.get("retry-after", "1")), 2))
    raise TimeoutError("the file was never taken")


@pytest.fixture
def gateway(system: RunningSystem) -> Iterator[Gateway]:
    with gateway_of(system) as found:
        yield found


def test_every_row_is_accounted_for_after_four_kills_and_a_second_run_appends_nothing(
    system: RunningSystem, gateway: Gateway
) -> None:
    clinic = gateway.new_clinic()
    feed = Feed(clinic.pims, clinic.clinic_id)
    pieces = file_of_patients()
    killer = Killer(system, VICTIMS)
    run_id = feed.start()
    answer = send_until_taken(lambda: feed.send(run_id, "patient", killer.watch(pieces)))
    assert answer.status_code == 200, answer.text
    assert tuple(victim for victim, _ in killer.killed) == VICTIMS
    for victim, restarts in killer.killed:
        system.wait_until_restarted(victim, restarts)
    check_counts(answer.json())
    assert feed.complete(run_id, patient=ROWS).status_code == 200
    everything_is_visible(clinic)
    run_id = feed.start()
    again = send_until_taken(lambda: feed.send(run_id, "patient", b"".join(pieces))).json()
    assert (again["appended"], again["unchanged"], again["rejected"]) == (0, ROWS - len(BAD), len(BAD))


def check_counts(told: dict[str, int]) -> None:
    assert told["rejected"] == len(BAD)
    assert told["appended"] + told["unchanged"] + told["rejected"] == told["rows"] == ROWS


def everything_is_visible(clinic: NewClinic) -> None:
    path = f"/api/portal/v1/clinics/{clinic.clinic_id}/patients/count"
    eventually_equal(lambda: clinic.operator.get(path).json(), {"count": ROWS - len(BAD)}, within=90)
