"""The event model's tables are read from the code, the links between command and event from its branches."""

import sys
from dataclasses import dataclass
from types import ModuleType

import pytest

from ops.event_model import BEGIN, END, event_model, made_by
from ops.services import WriteModel, services
from shared.events.base import Event
from shared.kernel.decider import Decider


@dataclass(frozen=True)
class Open:
    now: int


@dataclass(frozen=True)
class Close:
    now: int


class Opened(Event): ...


class Closed(Event): ...


class Imported(Event): ...


@dataclass(frozen=True)
class Import:
    record: Imported


Happened = Opened | Closed | Imported


def decide(command: Open | Close | Import, state: bool) -> list[Happened]:
    match command, state:
        case Open(), False:
            return [Opened()]
        case Import(record), _:
            return [record]
        case _, True:
            return _ended(command)
        case _:
            return []


def _ended(command: Open | Close | Import) -> list[Happened]:
    match command:
        case Close():
            return [_closed()]
        case _:
            return []


def _closed() -> Closed:
    return Closed()


door = Decider[Open | Close | Import, Happened, bool]("door", False, decide, lambda state, _event: state)
DOOR = WriteModel(sys.modules[__name__], door)


def test_commands_and_events_are_those_of_the_signature() -> None:
    assert DOOR.commands == (Open, Close, Import)
    assert DOOR.events == (Opened, Closed, Imported)


def test_an_event_belongs_to_the_command_of_its_branch_however_deep() -> None:
    assert made_by(DOOR) == {"Open": {"Opened"}, "Close": {"Closed"}, "Import": {"Imported"}}


@pytest.mark.parametrize("model", [m for s in services() for m in s.write_models], ids=lambda m: m.module.__name__)
def test_every_event_of_every_decider_has_a_command_that_leads_to_it(model: WriteModel) -> None:
    assert isinstance(model.module, ModuleType)
    assert set().union(*made_by(model).values()) == {event.__name__ for event in model.events}


def test_the_hand_written_part_stays() -> None:
    page = event_model(f"before {BEGIN} old {END} after")
    assert page.startswith(f"before {BEGIN}\n\n## ")
    assert page.endswith(f"{END} after")
    assert " old " not in page
    assert event_model(page) == page


def test_a_page_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="the page has no"):
        event_model("nothing here")


def test_an_event_is_followed_to_its_views_and_automations() -> None:
    page = event_model(BEGIN + END)
    (row,) = [line for line in page.splitlines() if "`scheduling.AppointmentRequested.v1`" in line]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:4] == ["`RequestAppointment`", "`appointment`", "`scheduling.AppointmentRequested.v1`", "yes"]
    assert "`scheduling/appointment_cards`" in cells[4]
    assert "`scheduling/when_appointment_requested_then_mail_the_clinic`" in cells[5]
