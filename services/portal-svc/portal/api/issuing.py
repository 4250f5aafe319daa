"""What an account's token says, and where the issuer stands."""

from typing import Annotated, Any

from fastapi import Depends, Request

from portal.api.bodies import AccessToken
from portal.domain.account_states import Active
from shared.chassis.auth import EVERY_CLINIC
from shared.chassis.tokens import TokenIssuer


def _issuer(request: Request) -> TokenIssuer:
    found: TokenIssuer = request.app.state.issuer
    return found


Issuer = Annotated[TokenIssuer, Depends(_issuer)]


def token_for(issuer: TokenIssuer, holder: Active, session_id: str) -> AccessToken:
    """An access token with the clinics that the account may enter now; for owners with who they are in each."""
    clinics = [access.clinic_id for access in holder.access]
    claims: dict[str, Any] = {}
    if holder.role == "owner":
        claims["client_ids"] = {access.clinic_id: access.client_id for access in holder.access}
    if holder.role == "operator":
        clinics = [EVERY_CLINIC]
    token = issuer.issue(holder.account_id, holder.role, clinics, session_id, **claims)
    return AccessToken(access_token=token, expires_in=issuer.lifetime)


def machine_token(issuer: TokenIssuer, client_id: str, role: str, clinic_id: str, session_id: str) -> AccessToken:
    """An access token for a machine."""
    token = issuer.issue(client_id, role, [clinic_id], session_id)
    return AccessToken(access_token=token, expires_in=issuer.lifetime)
