"""Whom the services know how to erase: by the kind of a data subject, its key and the event that says so.

Each does what the service's own erase resource does, in its order, so that a repetition after a crash finishes it.
"""

from dataclasses import replace

from ops.vetwire.served import AnyDecider, Erase
from pims_sync.domain.client import EraseClient, client
from portal.domain.account import account
from portal.domain.account_commands import EraseAccount
from portal.domain.account_states import Erased, Holder
from portal.domain.login import ReleaseLogin, login
from shared.chassis.commands import Context, Handled, handle, state_of
from shared.chassis.runtime import Runtime
from shared.events.portal import PLATFORM
from shared.kernel.errors import Refused
from shared.kernel.ids import derived_id


async def erase_client(running: Runtime, name: str, asked: Context) -> Handled | None:
    """`elm.42`. The key first: an event that says "erased" must not be there before it is true."""
    clinic_id, _, client_id = name.partition(".")
    await running.keys.erase(f"client:{name}")
    context = replace(asked, clinic_id=clinic_id)
    return await _unless_unknown(running, client, client_id, EraseClient(clinic_id, client_id, asked.now), context)


async def erase_account(running: Runtime, name: str, asked: Context) -> Handled | None:
    """An account id. The key last: with it goes the index by which the mail address is set free."""
    state = await state_of(running.store, account, PLATFORM, name)
    context = replace(asked, clinic_id=PLATFORM)
    handled = await _unless_unknown(running, account, name, EraseAccount(asked.now), context)
    if isinstance(state, Holder | Erased) and state.email_index:
        part = replace(context, command_id=derived_id(str(context.command_id), "login"))
        await handle(running.store, login, state.email_index, ReleaseLogin(name, asked.now), part)
    await running.keys.erase(f"account:{name}")
    return handled


async def _unless_unknown(
    running: Runtime, decider: AnyDecider, local_id: str, command: object, context: Context
) -> Handled | None:
    try:
        return await handle(running.store, decider, local_id, command, context)
    except Refused:
        return None


ERASERS: dict[str, dict[str, Erase]] = {"pims-sync": {"client": erase_client}, "portal": {"account": erase_account}}
"""By the service whose event it is."""
