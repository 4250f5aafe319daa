"""The link in an invitation's mail and the token that it carries (security C.4)."""

from urllib.parse import urlencode

from shared.chassis.tokens import check_token, derive_token

PURPOSE = "invite"
PAGE = "/activate"


def invitation_link(public_url: str, secret: bytes, account_id: str, token_id: str, email: str) -> str:
    """Account and token stand in the fragment, which browsers send to nobody (ASVS 14.2.1)."""
    token = derive_token(secret, PURPOSE, token_id, email)
    return f"{public_url.rstrip('/')}{PAGE}#{urlencode({'account_id': account_id, 'token': token})}"


def is_invitation_token(secret: bytes, token_id: str, email: str, token: str) -> bool:
    """Whether the mail with `token_id` to `email` held this token."""
    return check_token(secret, PURPOSE, token_id, email, token)
