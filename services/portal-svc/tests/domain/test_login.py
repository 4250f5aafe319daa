from portal.domain.login import Claimed, ClaimLogin, ReleaseLogin, login
from shared.events.portal import LoginClaimed, LoginReleased
from shared.testing.clocks import NOON
from shared.testing.decider_spec import DeciderSpec

claimed = LoginClaimed(account_id="a1", claimed_at=NOON)
released = LoginReleased(account_id="a1", released_at=NOON)
spec = DeciderSpec(login)


def test_a_free_address_is_claimed() -> None:
    spec.given().when(ClaimLogin("a1", NOON)).then(claimed)


def test_an_address_has_one_account_and_tells_which() -> None:
    spec.given(claimed).when(ClaimLogin("a2", NOON)).then_nothing_happens()
    assert login.fold([claimed]) == Claimed("a1")


def test_claiming_twice_changes_nothing() -> None:
    spec.given(claimed).when(ClaimLogin("a1", NOON)).then_nothing_happens()


def test_its_account_lets_an_address_go() -> None:
    spec.given(claimed).when(ReleaseLogin("a1", NOON)).then(released)


def test_another_account_cannot_let_it_go() -> None:
    spec.given(claimed).when(ReleaseLogin("a2", NOON)).then_nothing_happens()


def test_letting_go_twice_changes_nothing() -> None:
    spec.given(claimed, released).when(ReleaseLogin("a1", NOON)).then_nothing_happens()


def test_an_address_that_was_let_go_may_be_claimed_by_another() -> None:
    spec.given(claimed, released).when(ClaimLogin("a2", NOON)).then(LoginClaimed(account_id="a2", claimed_at=NOON))
