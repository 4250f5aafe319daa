"""What the worker's parts need reaches it, and what must not leave does not."""

import pytest

from portal.worker import SPEC
from shared.events import portal as events
from shared.events.base import Event


def _service(event: type[Event]) -> str:
    return event.type_name.partition(".")[0]


def test_every_event_of_a_view_comes_from_a_service_that_is_followed() -> None:
    needed = {_service(event) for projection in SPEC.projections for event in projection.handles}
    assert needed == set(SPEC.follows)


def test_own_events_that_are_needed_are_published() -> None:
    handled = {event for projection in SPEC.projections for event in projection.handles}
    handled |= {automation.handles for automation in SPEC.automations}
    assert {event for event in handled if _service(event) == "portal"} <= set(SPEC.published)


@pytest.mark.parametrize(
    "event", [events.SessionStarted, events.SessionRefreshed, events.LoginClaimed, events.PimsClientRegistered]
)
def test_sessions_logins_and_credentials_do_not_leave(event: type[Event]) -> None:
    assert event not in SPEC.published


@pytest.mark.parametrize("event", SPEC.published)
def test_c4_nothing_readable_that_leaves_is_an_address_or_a_hash(event: type[Event]) -> None:
    secret = {name for name in event.model_fields if name.startswith(("email", "password"))}
    assert secret <= event.personal_fields
