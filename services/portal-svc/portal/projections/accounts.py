"""Who has an account where, for the staff of a clinic. The documents are the platform's: queries ask by clinic."""

from typing import Literal, get_args

from pydantic import BaseModel

from shared.events import portal as events
from shared.events.portal import AccountEvent, AccountRole
from shared.kernel.decider import Projection


class AccountCard(BaseModel):
    """`client_ids`: clinic -> who an owner is there. `email` is None after erasure."""

    account_id: str
    role: AccountRole
    status: Literal["invited", "active", "disabled"] = "invited"
    email: str | None
    clinics: list[str] = []
    client_ids: dict[str, str] = {}

    def entering(self, clinic_id: str, client_id: str | None) -> "AccountCard":
        """The card with access to one more clinic."""
        clinics = sorted({*self.clinics, clinic_id})
        client_ids = self.client_ids | ({clinic_id: client_id} if client_id else {})
        return self.model_copy(update={"clinics": clinics, "client_ids": client_ids})

    def leaving(self, clinic_id: str) -> "AccountCard":
        """The card without access to the clinic."""
        clinics = [clinic for clinic in self.clinics if clinic != clinic_id]
        client_ids = {clinic: client for clinic, client in self.client_ids.items() if clinic != clinic_id}
        return self.model_copy(update={"clinics": clinics, "client_ids": client_ids})


def evolve(card: AccountCard | None, event: AccountEvent) -> AccountCard | None:
    """An erased account leaves the list."""
    match event, card:
        case events.AccountInvited(), _:
            fresh = AccountCard(account_id=event.account_id, role=event.role, email=event.email)
            return fresh.entering(event.clinic_id, event.client_id)
        case events.AccountErased(), _:
            return None
        case events.AccountActivated(), AccountCard():
            return card.model_copy(update={"status": "active"})
        case events.AccountDisabled(), AccountCard():
            return card.model_copy(update={"status": "disabled"})
        case events.ClinicAccessGranted(), AccountCard():
            return card.entering(event.clinic_id, event.client_id)
        case events.ClinicAccessRevoked(), AccountCard():
            return card.leaving(event.clinic_id)
        case _:
            return card


accounts = Projection[AccountEvent, AccountCard](
    "accounts", "account", get_args(AccountEvent), AccountCard, evolve, indexes=(("clinics",),)
)
