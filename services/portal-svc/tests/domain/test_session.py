from datetime import timedelta

import pytest

from portal.domain.session import IDLE, LIFETIME, Ended, EndSession, Live, RefreshSession, StartSession, session
from shared.events.portal import SessionEnded, SessionEvent, SessionRefreshed, SessionStarted
from shared.testing.clocks import NOON
from shared.testing.decider_spec import DeciderSpec

LATER = NOON + timedelta(minutes=9)
started = SessionStarted(session_id="s1", account_id="a1", started_at=NOON)
refreshed = SessionRefreshed(session_id="s1", number=1, refreshed_at=LATER)
ended = SessionEnded(session_id="s1", reason="logout", ended_at=LATER)
spec = DeciderSpec(session)


def test_a_login_starts_a_session() -> None:
    spec.given().when(StartSession("s1", "a1", NOON)).then(started)


@pytest.mark.parametrize("history", [(started,), (started, ended)])
def test_a_session_starts_once(history: tuple[SessionEvent, ...]) -> None:
    spec.given(*history).when(StartSession("s1", "a1", NOON)).then_refused("session-not-live")


def test_the_newest_refresh_token_is_replaced_by_the_next() -> None:
    spec.given(started).when(RefreshSession(0, LATER)).then(refreshed)


def test_an_old_refresh_token_ends_the_session() -> None:
    reused = SessionEnded(session_id="s1", reason="reused", ended_at=LATER)
    spec.given(started, refreshed).when(RefreshSession(0, LATER)).then(reused)


def test_a_number_that_was_never_handed_out_ends_the_session() -> None:
    reused = SessionEnded(session_id="s1", reason="reused", ended_at=LATER)
    spec.given(started).when(RefreshSession(5, LATER)).then(reused)


def test_an_idle_session_ends_at_its_next_refresh() -> None:
    late = NOON + IDLE
    expired = SessionEnded(session_id="s1", reason="expired", ended_at=late)
    spec.given(started).when(RefreshSession(0, late)).then(expired)


def test_a_session_ends_in_the_end_however_busy_it_is() -> None:
    end = NOON + LIFETIME
    busy = [
        SessionRefreshed(session_id="s1", number=n, refreshed_at=NOON + timedelta(days=n))
        for n in range(1, LIFETIME.days)
    ]
    expired = SessionEnded(session_id="s1", reason="expired", ended_at=end)
    spec.given(started, *busy).when(RefreshSession(busy[-1].number, end)).then(expired)


@pytest.mark.parametrize("history", [(), (started, ended)])
def test_what_is_not_live_cannot_be_refreshed(history: tuple[SessionEvent, ...]) -> None:
    spec.given(*history).when(RefreshSession(0, LATER)).then_refused("session-not-live")


def test_logging_out_ends_the_session() -> None:
    spec.given(started).when(EndSession("logout", LATER)).then(ended)


@pytest.mark.parametrize("history", [(), (started, ended)])
def test_ending_what_is_not_live_changes_nothing(history: tuple[SessionEvent, ...]) -> None:
    spec.given(*history).when(EndSession("logout", LATER)).then_nothing_happens()


def test_each_refresh_counts_on_and_keeps_the_session_from_idling() -> None:
    first, second = (
        SessionRefreshed(session_id="s1", number=n, refreshed_at=NOON + n * (IDLE - timedelta(hours=1))) for n in (1, 2)
    )
    spec.given(started, first).when(RefreshSession(1, second.refreshed_at)).then(second)


def test_a_session_knows_whose_it_is_and_an_ended_one_stays_ended() -> None:
    assert session.fold([started]) == Live("s1", "a1", NOON, NOON)
    assert session.fold([started, ended, refreshed]) == Ended()
