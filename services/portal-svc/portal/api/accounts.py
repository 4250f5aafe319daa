"""Accounts: invited, listed, shut out and erased by those who look after a clinic."""

from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from portal.api.bodies import InviteBody
from portal.api.present import address_index, require_clinic, state_of
from portal.domain.account import account
from portal.domain.account_commands import Command, DisableAccount, EraseAccount, InviteAccount, RevokeAccess
from portal.domain.account_states import Erased, Holder
from portal.domain.login import Claimed, ClaimLogin, ReleaseLogin, login
from portal.projections.accounts import AccountCard, accounts
from shared.chassis import clock, commands
from shared.chassis.auth import Identity, clinic_access
from shared.chassis.commands import Context, Handled
from shared.chassis.cursors import Page
from shared.chassis.endpoints import Accepted, MadeId, Once, Read, Running, Store, accepted, context, etag_of
from shared.chassis.event_store import EventStore
from shared.chassis.problems import not_found
from shared.chassis.views import After
from shared.events.portal import PLATFORM, AccountRole
from shared.kernel.ids import derived_id

router = APIRouter(tags=["accounts"])
Host = Annotated[Identity, Depends(clinic_access("staff", "operator"))]
Operator = Annotated[Identity, Depends(clinic_access("operator"))]


class AccountAccepted(Accepted):
    """The account that the address has, new or known."""

    account_id: str


class AccountLine(BaseModel):
    """An account as one clinic may see it: nothing of its other clinics."""

    account_id: str
    role: AccountRole
    status: Literal["invited", "active", "disabled"]
    email: str | None
    client_id: str | None


@router.post("/clinics/{clinic_id}/accounts", status_code=201, response_model=AccountAccepted)
async def invite_account(
    clinic_id: str,
    body: InviteBody,
    who: Host,
    once: Once,
    running: Running,
) -> Response:
    """Give somebody access to the clinic; who has no account yet gets a mail to choose a password by (R64).

    Staff invite owners, referring vets and specialists; operators everybody. Asking again after ten minutes renews
    an invitation that was not used. Problems 403 `may-not-invite-this-role`, 404, 409 `role-differs`,
    `access-differs`, `account-disabled`, 422 `client-id-needed`, `client-id-not-for-this-role`,
    `role-not-for-this-clinic`.
    """
    await require_clinic(running.store, clinic_id)
    asked = context(who, PLATFORM, once.command_id)
    index = address_index(running.settings.token_secret_bytes, body.email)
    command = InviteAccount(
        account_id=once.command_id.hex,
        role=body.role,
        clinic_id=clinic_id,
        client_id=body.client_id,
        email=body.email,
        email_index=index,
        token_id=derived_id(str(once.command_id), "invitation").hex,
        by=who.role,
        now=asked.now,
    )
    account_id, handled = await _invited(running.store, command, asked)
    return await once.answer(accepted(handled, account_id=account_id), 201, etag_of(handled))


async def _invited(store: EventStore, command: InviteAccount, asked: Context) -> tuple[str, Handled]:
    """The address is claimed first: whoever holds it, holds the account that the invitation is for."""
    account.decide(command, account.initial)  # an invitation that may not be must not claim an address
    claim = ClaimLogin(command.account_id, asked.now)
    claimed = await commands.handle(store, login, command.email_index, claim, _part(asked, "login"))
    account_id = claimed.state.account_id if isinstance(claimed.state, Claimed) else command.account_id
    return account_id, await commands.handle(store, account, account_id, replace(command, account_id=account_id), asked)


def _part(asked: Context, name: str) -> Context:
    """A command on a second stream needs an id of its own: event ids derive from it."""
    return replace(asked, command_id=derived_id(str(asked.command_id), name))


@router.get("/clinics/{clinic_id}/accounts")
async def list_accounts(
    clinic_id: str, _who: Host, page: Page, response: Response, read: Read, after: After
) -> list[AccountLine]:
    """Who may enter the clinic, in no particular order that means anything; `Link: rel="next"` leads on."""
    rows = await read.list(accounts, PLATFORM, {"clinics": clinic_id}, page, after)
    return [_line(row.view, clinic_id) for row in page.page(rows, lambda row: row.key, response)]


def _line(card: AccountCard, clinic_id: str) -> AccountLine:
    return AccountLine(
        account_id=card.account_id,
        role=card.role,
        status=card.status,
        email=card.email,
        client_id=card.client_ids.get(clinic_id),
    )


@router.delete("/clinics/{clinic_id}/accounts/{account_id}", response_model=Accepted)
async def revoke_access(
    clinic_id: str, account_id: MadeId, who: Host, store: Store, response: Response
) -> dict[str, Any]:
    """Shut an account out of the clinic; out of `platform` (operators) it is disabled everywhere.

    Its sessions end at their next refresh, at the latest when the access token expires.
    """
    await _of_clinic(store, account_id, clinic_id)
    asked = context(who, PLATFORM, UUID(clock.new_id()))
    command: Command = RevokeAccess(clinic_id, asked.now)
    if clinic_id == PLATFORM:
        command = DisableAccount(asked.now)
    handled = await commands.handle(store, account, account_id, command, asked)
    response.headers.update(etag_of(handled))
    return accepted(handled)


@router.post("/clinics/{clinic_id}/accounts/{account_id}/erase", response_model=Accepted)
async def erase_account(
    clinic_id: str,
    account_id: MadeId,
    who: Operator,
    once: Once,
    running: Running,
) -> Response:
    """Destroy the key of a person's address and password, and let the address go. Cannot be undone."""
    state = await state_of(running.store, account, account_id)
    if not isinstance(state, Erased):  # asked for again, perhaps after a crash: what is missing is done now
        await _of_clinic(running.store, account_id, clinic_id)
    asked = context(who, PLATFORM, once.command_id)
    handled = await commands.handle(running.store, account, account_id, EraseAccount(asked.now), asked)
    if isinstance(state, Holder | Erased) and state.email_index:
        release = ReleaseLogin(account_id, asked.now)
        await commands.handle(running.store, login, state.email_index, release, _part(asked, "login"))
    await running.keys.erase(f"account:{account_id}")
    return await once.answer(accepted(handled), 200, etag_of(handled))


async def _of_clinic(store: EventStore, account_id: str, clinic_id: str) -> None:
    """Problem 404 unless the account may enter the clinic; to the platform everybody belongs."""
    state = await state_of(store, account, account_id)
    is_theirs = isinstance(state, Holder) and state.access_to(clinic_id) is not None
    is_known = isinstance(state, Holder | Erased) and clinic_id == PLATFORM
    if not (is_theirs or is_known):
        raise not_found()
