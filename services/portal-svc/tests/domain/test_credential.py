import pytest

from portal.domain.credential import RegisterPimsClient, Revoked, RevokePimsClient, Valid, credential
from shared.events.portal import CredentialEvent, PimsClientRegistered, PimsClientRevoked
from shared.testing.clocks import NOON
from shared.testing.decider_spec import DeciderSpec

REGISTER = RegisterPimsClient("pims_1", "elm", "nightly bridge", "0" * 64, NOON)
registered = PimsClientRegistered(
    client_id="pims_1", clinic_id="elm", label="nightly bridge", secret_hash="0" * 64, registered_at=NOON
)
revoked = PimsClientRevoked(client_id="pims_1", clinic_id="elm", revoked_at=NOON)
spec = DeciderSpec(credential)


def test_a_machine_is_registered() -> None:
    spec.given().when(REGISTER).then(registered)


@pytest.mark.parametrize("history", [(registered,), (registered, revoked)])
def test_an_id_is_used_once(history: tuple[CredentialEvent, ...]) -> None:
    spec.given(*history).when(REGISTER).then_refused("pims-client-exists")


def test_its_clinic_revokes_it() -> None:
    spec.given(registered).when(RevokePimsClient("elm", NOON)).then(revoked)


def test_revoking_twice_changes_nothing() -> None:
    spec.given(registered, revoked).when(RevokePimsClient("elm", NOON)).then_nothing_happens()


@pytest.mark.parametrize("history", [(), (registered,), (registered, revoked)])
def test_for_another_clinic_there_is_no_such_machine(history: tuple[CredentialEvent, ...]) -> None:
    spec.given(*history).when(RevokePimsClient("harbor", NOON)).then_refused("not-found")


def test_a_secret_is_checked_against_what_was_registered_until_it_is_revoked() -> None:
    assert credential.fold([registered]) == Valid("pims_1", "elm", "0" * 64)
    assert credential.fold([registered, revoked]) == Revoked("elm")
