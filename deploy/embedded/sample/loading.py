"""Loading the clinics, step by step; every step looks first whether it was done before."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from deploy.embedded.sample.caller import Caller, SampleFailed, machine, person, wait_until
from deploy.embedded.sample.cast import CLINICS, Person, SampleClinic
from deploy.embedded.sample.mails import newest_invitation
from deploy.embedded.sample.memory import Memory
from deploy.embedded.sample.place import Place

PORTAL = "/api/portal/v1"
PIMS = "/api/pims-sync/v1"


def load(place: Place, out: Path, say: Callable[[str], None]) -> None:
    """Load what is missing and write `out`. Raises SampleFailed."""
    with httpx2.Client(timeout=30, follow_redirects=False) as http:
        memory = Memory(out)
        memory.operator(*place.operator)
        operator = machine(http, place.gateway, *place.operator)
        for clinic in CLINICS:
            Loading(place, http, memory, operator, clinic).run(say)
        memory.save()


class Loading:
    """One clinic on its way into the system."""

    def __init__(
        self, place: Place, http: httpx2.Client, memory: Memory, operator: Caller, clinic: SampleClinic
    ) -> None:
        self._place = place
        self._http = http
        self._memory = memory
        self._operator = operator
        self._clinic = clinic
        self._known = memory.clinic(clinic.clinic_id, clinic.name)
        self._path = f"{PORTAL}/clinics/{clinic.clinic_id}"

    def run(self, say: Callable[[str], None]) -> None:
        """All of it, or nothing if all of it is there."""
        if self._is_loaded():
            say(f"{self._clinic.name} is there already")
            return
        self._register()
        self._admit(self._operator, self._clinic.staff)
        staff_login = self._memory.login(self._known, self._clinic.staff.role, self._clinic.staff.email)
        staff = person(self._http, self._place.gateway, staff_login["email"], staff_login["password"])
        for somebody in self._clinic.others:
            self._admit(staff, somebody)
        if self._count() < self._clinic.patients:
            self._push(self._bridge(staff))
        wait_until(f"the patients of {self._clinic.name}", self._are_shown)
        say(f"{self._clinic.name}: {self._clinic.patients} patients, {len(self._known['logins'])} logins")

    def _is_loaded(self) -> bool:
        people = 1 + len(self._clinic.others)
        active = sum(1 for login in self._known["logins"] if login["is_active"])
        return active == people and bool(self._known["credentials"]) and self._count() >= self._clinic.patients

    def _count(self) -> int:
        return int(self._operator.get(f"{self._path}/patients/count")["count"])

    def _are_shown(self) -> bool | None:
        return self._count() >= self._clinic.patients or None

    def _register(self) -> None:
        clinic = self._clinic
        body = {
            "clinic_id": clinic.clinic_id,
            "name": clinic.name,
            "time_zone": clinic.time_zone,
            "vendor": clinic.vendor,
        }
        self._operator.post(f"{PORTAL}/clinics", body, f"sample/{clinic.clinic_id}")

    def _admit(self, host: Caller, somebody: Person) -> None:
        """Invite, read the mail, choose a password."""
        login = self._memory.login(self._known, somebody.role, somebody.email)
        body: dict[str, Any] = {"role": somebody.role, "email": somebody.email}
        if somebody.client_id:
            body["client_id"] = somebody.client_id
        host.post(f"{self._path}/accounts", body, f"sample/{self._clinic.clinic_id}/{somebody.email}")
        if login["is_active"]:
            return
        invitation = newest_invitation(self._http, self._place.mailbox, somebody.email)
        choice = {"account_id": invitation.account_id, "token": invitation.token, "password": login["password"]}
        answer = Caller(self._http, self._place.gateway).tried("POST", f"{PORTAL}/activations", json=choice)
        if answer is None or answer.status_code >= 400:
            self._check_password(login["email"], login["password"])
        self._memory.activated(somebody.email)

    def _check_password(self, email: str, password: str) -> None:
        """The invitation is used up: by an earlier run of ours that broke off, or with a password nobody told us."""
        try:
            person(self._http, self._place.gateway, email, password)
        except SampleFailed:
            raise SampleFailed(f"{email} has a password that is not in the file of the sample; start fresh") from None

    def _bridge(self, staff: Caller) -> Caller:
        """The clinic's machine; a secret that was lost is replaced by another machine's."""
        for known in self._known["credentials"]:
            return machine(self._http, self._place.gateway, known["client_id"], known["client_secret"])
        made = staff.post(f"{self._path}/pims-clients", {"label": "nightly bridge"}, str(uuid.uuid4()))
        self._memory.credential(self._known, made["client_id"], made["client_secret"])
        return machine(self._http, self._place.gateway, made["client_id"], made["client_secret"])

    def _push(self, bridge: Caller) -> None:
        """A full nightly drop."""
        runs = f"{PIMS}/clinics/{self._clinic.clinic_id}/runs"
        run = (
            f"{runs}/{bridge.post(runs, {'mode': 'full', 'vendor': self._clinic.vendor}, str(uuid.uuid4()))['run_id']}"
        )
        counts = {}
        for entity in ("client", "patient"):
            content = self._clinic.file(entity)
            bridge.send("PUT", f"{run}/files/{entity}", {"Content-Type": "text/csv"}, content=content)
            counts[entity] = content.count(b"\n") - 1
        bridge.post(f"{run}/complete", {"declared_counts": counts})
