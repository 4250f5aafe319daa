"""Erasing a person from the command does what the services' own erase resources do."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from ops.vetwire.erasers import erase_account, erase_client
from shared.chassis.commands import Context
from shared.events.envelope import Actor
from shared.events.pims_sync import ClientErased, ClientSynced
from shared.events.portal import AccountErased, AccountInvited, LoginClaimed, LoginReleased
from shared.testing.memory import NOON, MemoryEventStore

pytestmark = pytest.mark.anyio
ASKED = Context("platform", Actor(kind="operator", id="kim"), UUID(int=1), "c", NOON)


def running(store: MemoryEventStore) -> Any:
    return SimpleNamespace(store=store, keys=store.keys)


async def test_a_client_is_erased_in_the_clinics_own_stream() -> None:
    store = MemoryEventStore()
    synced = ClientSynced(
        clinic_id="elm", client_id="a.7", vendor="bridge", first_name="Ana", fingerprint="f", observed_at=NOON
    )
    await store.given("client-elm.a.7", synced)
    handled = await erase_client(running(store), "elm.a.7", ASKED)
    assert handled is not None
    assert (handled.stream, handled.revision) == ("client-elm.a.7", 1)
    before, erased = await store.recorded("client-elm.a.7")
    assert isinstance(before.event, ClientSynced)
    assert before.event.first_name is None
    assert erased.event == ClientErased(clinic_id="elm", client_id="a.7", erased_at=NOON)
    assert (erased.metadata.clinic_id, erased.metadata.actor.id) == ("elm", "kim")
    again = await erase_client(running(store), "elm.a.7", ASKED)
    assert (again and again.revision, len(store.log)) == (1, 2)


async def test_an_account_is_erased_and_its_mail_address_is_free_again() -> None:
    store = MemoryEventStore()
    invited = AccountInvited(
        account_id="a1", role="owner", clinic_id="elm", client_id="7", email="ana@example.org", email_index="index",
        token_id="t", invited_at=NOON, expires_at=NOON + timedelta(days=1),
    )  # fmt: skip
    await store.given("account-platform.a1", invited)
    await store.given("login-platform.index", LoginClaimed(account_id="a1", claimed_at=NOON))
    handled = await erase_account(running(store), "a1", ASKED)
    assert (handled and handled.stream) == "account-platform.a1"
    assert AccountErased(account_id="a1", erased_at=NOON) in await store.events()
    assert LoginReleased(account_id="a1", released_at=NOON) in await store.events("login-platform.index")
    assert await store.keys.existing(["account:a1"]) == {}


async def test_a_person_nobody_knows_leaves_no_event_but_never_gets_a_key() -> None:
    store = MemoryEventStore()
    assert await erase_client(running(store), "elm.8", ASKED) is None
    assert await erase_account(running(store), "a2", ASKED) is None
    assert store.log == []
    assert await store.keys.made(["client:elm.8", "account:a2"]) == {}
