"""Who may invite whom, and where."""

from collections.abc import Mapping

from shared.events.portal import PLATFORM, AccountRole
from shared.kernel.errors import Refused

INVITED_BY: Mapping[str, frozenset[AccountRole]] = {
    "operator": frozenset({"owner", "staff", "referring_vet", "specialist", "operator"}),
    "staff": frozenset({"owner", "referring_vet", "specialist"}),
}


def check(role: AccountRole, clinic_id: str, client_id: str | None, by: str) -> None:
    """Refusals: `may-not-invite-this-role`, `role-not-for-this-clinic` (operators, and they alone, belong to
    `platform`), `client-id-needed` (owners are a client of the clinic), `client-id-not-for-this-role`."""
    if role not in INVITED_BY.get(by, frozenset()):
        raise Refused("may-not-invite-this-role")
    if (role == "operator") != (clinic_id == PLATFORM):
        raise Refused("role-not-for-this-clinic")
    if role == "owner" and not client_id:
        raise Refused("client-id-needed")
    if role != "owner" and client_id:
        raise Refused("client-id-not-for-this-role")
