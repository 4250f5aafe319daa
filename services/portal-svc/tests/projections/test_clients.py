from datetime import timedelta
from typing import Any

from portal.projections.clients import Client, clients
from shared.events.pims_sync import Address, ClientErased, ClientSynced, Contact
from shared.testing.clocks import NOON
from shared.testing.projection_spec import ProjectionSpec

LATER = NOON + timedelta(days=1)
spec = ProjectionSpec(clients)
CONTACTS = (Contact(kind="email", raw="Client0042@example.org", normalised="client0042@example.org"),)
ADDRESSES = (Address(lines=("42 Elm Street",), city="Albany", region="NY"),)


def client(**changes: Any) -> ClientSynced:
    record: dict[str, Any] = {
        "clinic_id": "elm",
        "client_id": "42",
        "vendor": "avimark",
        "first_name": "Client",
        "last_name": "0042",
        "contacts": CONTACTS,
        "addresses": ADDRESSES,
        "fingerprint": "f1",
        "observed_at": NOON,
    }
    return ClientSynced(**(record | changes))


erased = ClientErased(clinic_id="elm", client_id="42", erased_at=LATER)
TOMBSTONE = Client(clinic_id="elm", client_id="42", vendor="avimark", erased=True, observed_at=LATER)


def test_r58_names_and_contacts_are_the_pims_record() -> None:
    spec.given(client()).then_fields(
        first_name="Client", last_name="0042", contacts=CONTACTS, addresses=ADDRESSES, erased=False, observed_at=NOON
    )


def test_r59_a_change_in_the_pims_shows() -> None:
    spec.given(client(), client(last_name="0043", observed_at=LATER)).then_fields(last_name="0043", observed_at=LATER)


def test_after_erasure_a_tombstone_is_left() -> None:
    spec.given(client(), erased).then(TOMBSTONE)


def test_in_a_rebuild_the_fields_are_unreadable_and_the_tombstone_is_the_same() -> None:
    unreadable = client(first_name=None, last_name=None, contacts=None, addresses=None)
    spec.given(unreadable, erased).then(TOMBSTONE)


def test_a_record_that_comes_after_erasure_brings_nothing_personal_back() -> None:
    spec.given(client(), erased, client()).then_fields(
        erased=True, first_name=None, last_name=None, company=None, contacts=None, addresses=None
    )
