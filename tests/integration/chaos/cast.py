"""Who asks in a run: people and machines of a sample clinic, and two clinics of the run's own with their PIMS."""

from dataclasses import dataclass, field
from time import monotonic
from uuid import uuid4

from shared.testing.caller import Caller
from shared.testing.gateway import Gateway

Headers = dict[str, str]
CLINIC, PATIENT = "elm", "P1001"
TOKENS_LAST = 150.0  # seconds; half of what the issuer grants
_ROLES = ("staff", "owner", "referring_vet", "specialist")


@dataclass
class Practice:
    """A clinic whose PIMS pushes: the names that its patients and clients have now."""

    clinic_id: str
    client_id: str
    client_secret: str
    patients: dict[str, str] = field(default_factory=lambda: {f"P{n}": f"Pet {n}" for n in range(40)})
    clients: dict[str, str] = field(default_factory=lambda: {f"C{n}": f"Client {n}" for n in range(12)})
    is_pushing: bool = False


class Cast:
    """Tokens by role, and by clinic for the PIMS. `refresh` between rounds, while everything is up."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._fresh_until = 0.0
        self.mark = f"x{uuid4().hex[:6]}"
        self.tokens: dict[str, Headers] = {}
        self.practices = [self._practice() for _ in range(2)]
        self.refresh()
        self.desk = f"desk-{self.mark}@elm.example"
        self.number, self.secret = f"+1555{int(self.mark[1:], 16) % 10**7:07}", uuid4().hex
        self.reason_id = self._open_the_desk(gateway.person(CLINIC, "staff"))

    def _open_the_desk(self, staff: Caller) -> str:
        """Requests are mailed to an address of this run, texts come to a number of its own; a reason to ask for."""
        base = f"/api/scheduling/v1/clinics/{CLINIC}"
        path = f"{base}/booking-settings"
        known = {name: value for name, value in staff.get(path).json().items() if name != "revision"}
        shown = staff.read(path, staff.put(path, {**known, "notify_address": self.desk}))
        assert shown.json()["notify_address"] == self.desk
        number = {"number": self.number, "auth_token": self.secret}
        assert staff.post(f"/api/messaging/v1/clinics/{CLINIC}/sending-numbers", number).status_code == 201
        added = staff.post(f"{base}/appointment-reasons", {"name": f"Check-up {self.mark}"})
        return str(added.json()["reason_id"])

    def _practice(self) -> Practice:
        made = self._gateway.new_clinic()
        path = f"/api/portal/v1/clinics/{made.clinic_id}/pims-clients"
        known = made.operator.post(path, {"label": "chaos"}).json()
        return Practice(made.clinic_id, known["client_id"], known["client_secret"])

    def refresh(self) -> None:
        """New tokens before the old ones run out."""
        if monotonic() < self._fresh_until:
            return
        self._fresh_until = monotonic() + TOKENS_LAST
        self.tokens["operator"] = dict(self._gateway.operator().headers)
        for role in _ROLES:
            self.tokens[role] = dict(self._gateway.person(CLINIC, role).headers)
        for each in self.practices:
            self.tokens[each.clinic_id] = dict(self._gateway.machine(each.client_id, each.client_secret).headers)
