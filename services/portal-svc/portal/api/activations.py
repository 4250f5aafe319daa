"""The way from an invitation's mail to a password, and from a password to the next."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Response

from portal.api.bodies import ActivationBody, PasswordBody
from portal.api.present import own_context, state_of
from portal.api.throttle import Throttled, account_key
from portal.domain import passwords
from portal.domain.account import account
from portal.domain.account_commands import ActivateAccount, ChangePassword
from portal.domain.account_states import Active, Invited
from portal.invitation_links import is_invitation_token
from shared.chassis import clock, commands
from shared.chassis.auth import Identity, public, require
from shared.chassis.endpoints import Running
from shared.chassis.problems import Problem, not_found
from shared.chassis.tokens import hash_password, verify_password
from shared.events.envelope import Actor

router = APIRouter(tags=["accounts"])
log = structlog.get_logger(__name__)


@router.post("/activations", status_code=204, dependencies=[Depends(public)])
async def activate_account(body: ActivationBody, running: Running) -> None:
    """Use an invitation up and set the first password. A POST, since scanners of mail follow links (security C.4).

    Problems 400 `invitation-invalid` (unknown, used, replaced or expired: no difference is told), 422
    `password-too-short`, `password-too-long`, `password-too-common`.
    """
    password = body.password.get_secret_value()
    passwords.check(password, "")
    state = await state_of(running.store, account, body.account_id)
    if not isinstance(state, Invited) or not _is_genuine(state, body, running.settings.token_secret_bytes):
        log.warning("activation-refused")
        raise _invalid()
    passwords.check(password, state.email or "")
    command = ActivateAccount(state.token_id, await hash_password(password), clock.now())
    asked = own_context(Actor(kind="system", id="activation"))
    await commands.handle(running.store, account, state.account_id, command, asked)
    log.info("account-activated", account_id=state.account_id)


def _is_genuine(state: Invited, body: ActivationBody, secret: bytes) -> bool:
    token = body.token.get_secret_value()
    return clock.now() < state.expires_at and is_invitation_token(secret, state.token_id, state.email or "", token)


def _invalid() -> Problem:
    return Problem(400, "invitation-invalid", "This invitation does not work; ask the clinic for a new one.")


@router.post("/password", status_code=204)
async def change_password(
    body: PasswordBody,
    who: Annotated[Identity, Depends(require("owner", "staff", "referring_vet", "specialist", "operator"))],
    running: Running,
    throttle: Throttled,
) -> Response:
    """Replace the own password; every session that began before ends at its next refresh (ASVS 7.4.3).

    Problems 401 `login-refused`, 429 `too-many-attempts`, and those of passwords.
    """
    state = await state_of(running.store, account, who.subject)
    if not isinstance(state, Active):
        raise not_found()
    key = account_key(state.email_index or state.account_id)
    await throttle.attempt([key])
    if not await verify_password(body.current_password.get_secret_value(), state.password_hash):
        raise Problem(401, "login-refused", "The present password is another one.")
    await throttle.succeeded([key])
    password = body.new_password.get_secret_value()
    passwords.check(password, state.email or "")
    command = ChangePassword(state.password_hash or "", await hash_password(password), clock.now())
    asked = own_context(Actor(kind=who.role, id=who.subject))
    await commands.handle(running.store, account, state.account_id, command, asked)
    return Response(status_code=204)
