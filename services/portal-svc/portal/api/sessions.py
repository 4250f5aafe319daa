"""Log in, go on, log out."""

import structlog
from fastapi import APIRouter, Depends, Request, Response

from portal.api import refresh_tokens
from portal.api.bodies import AccessToken, LoginBody, normal_address
from portal.api.issuing import Issuer, token_for
from portal.api.present import account_of_address, address_index, own_context, state_of
from portal.api.throttle import Throttled, account_key, address_key
from portal.domain.account import account
from portal.domain.account_states import Account, Active
from portal.domain.session import EndSession, Live, RefreshSession, Session, StartSession, session
from shared.chassis import clock, commands
from shared.chassis.auth import public
from shared.chassis.endpoints import Running
from shared.chassis.event_store import EventStore
from shared.chassis.problems import Problem
from shared.chassis.tokens import verify_password
from shared.events.envelope import Actor
from shared.events.portal import SessionEnd
from shared.kernel.errors import Refused

router = APIRouter(tags=["sessions"], dependencies=[Depends(public)])
log = structlog.get_logger(__name__)


@router.post("/login", response_model=AccessToken)
async def log_in(
    body: LoginBody, request: Request, response: Response, running: Running, issuer: Issuer, throttle: Throttled
) -> AccessToken:
    """An access token for ten minutes, and a refresh token in a cookie.

    Problems 401 `login-refused` (unknown, wrong, not activated, disabled: same answer, same time), 429
    `too-many-attempts`.
    """
    secret = running.settings.token_secret_bytes
    index = address_index(secret, _address(body.email))
    keys = [account_key(index), address_key(request)]
    await throttle.attempt(keys)
    holder = await _holder(running.store, index)
    known = holder.password_hash if holder else None
    if not await verify_password(body.password.get_secret_value(), known) or holder is None:
        log.warning("login-refused")
        raise Problem(401, "login-refused", "This address and password do not go together.")
    await throttle.succeeded(keys[:1])
    session_id = clock.new_id()
    command = StartSession(session_id, holder.account_id, clock.now())
    await commands.handle(running.store, session, session_id, command, own_context(_actor(holder)))
    log.info("logged-in", account_id=holder.account_id, session_id=session_id)
    refresh_tokens.hand_out(response, secret, session_id, 0)
    return token_for(issuer, holder, session_id)


async def _holder(store: EventStore, index: str) -> Active | None:
    """The account that may log in with the address. Two streams are read whether or not there is one."""
    account_id = await account_of_address(store, index)
    return _usable(await state_of(store, account, account_id or "nobody"))


def _usable(state: Account) -> Active | None:
    return state if isinstance(state, Active) and state.access else None


def _actor(holder: Active) -> Actor:
    return Actor(kind=holder.role, id=holder.account_id)


def _address(text: str) -> str:
    try:
        return normal_address(text)
    except ValueError:
        return ""


@router.post("/token/refresh", response_model=AccessToken)
async def refresh_token(
    request: Request, response: Response, running: Running, issuer: Issuer
) -> AccessToken | Response:
    """A new access token, and the next refresh token in place of the one that was shown.

    A refresh token that was used before ends the session: somebody else has it (RFC 9700 section 4.14.2).
    Problems 401 `session-ended`, 403 `cross-site`.
    """
    secret = running.settings.token_secret_bytes
    shown = refresh_tokens.shown(request, secret)
    state = await _refreshed(running.store, shown) if shown else None
    holder = await _owner_of(running.store, state) if isinstance(state, Live) else None
    if not isinstance(state, Live) or holder is None:
        return _ended()
    refresh_tokens.hand_out(response, secret, state.session_id, state.number)
    return token_for(issuer, holder, state.session_id)


async def _refreshed(store: EventStore, shown: refresh_tokens.Shown) -> Session | None:
    command = RefreshSession(shown.number, clock.now())
    asked = own_context(Actor(kind="system", id="refresh"))
    try:
        handled = await commands.handle(store, session, shown.session_id, command, asked)
    except Refused:
        return None
    if not isinstance(handled.state, Live):
        log.warning("session-ended", session_id=shown.session_id, reason=[type(e).__name__ for e in handled.events])
    state: Session = handled.state
    return state


async def _owner_of(store: EventStore, live: Live) -> Active | None:
    """The session's account if it may go on; else the session ends here."""
    holder = _usable(await state_of(store, account, live.account_id))
    if holder is None or holder.secured_at > live.started_at:
        await _end(store, live.session_id, "account-closed")
        return None
    return holder


def _ended() -> Response:
    response = Problem(401, "session-ended", "Log in again.").response()
    refresh_tokens.take_back(response)
    return response


@router.post("/logout", status_code=204)
async def log_out(request: Request, running: Running) -> Response:
    """End the session of the cookie; without one there is nothing to end."""
    shown = refresh_tokens.shown(request, running.settings.token_secret_bytes)
    if shown is not None:
        await _end(running.store, shown.session_id, "logout")
    response = Response(status_code=204)
    refresh_tokens.take_back(response)
    return response


async def _end(store: EventStore, session_id: str, reason: SessionEnd) -> None:
    asked = own_context(Actor(kind="system", id=reason))
    await commands.handle(store, session, session_id, EndSession(reason, clock.now()), asked)
    log.info("session-ended", session_id=session_id, reason=reason)
