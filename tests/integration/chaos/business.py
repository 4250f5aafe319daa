"""What happens in clinics on a day like any other, as commands through the gateway with effects that can be told."""

import hmac
from base64 import b64encode
from datetime import timedelta
from random import Random
from urllib.parse import quote

from shared.chassis import clock
from tests.integration.chaos.cast import CLINIC, PATIENT, Cast, Practice
from tests.integration.chaos.history import Mailed, Shows
from tests.integration.chaos.sending import Sender

WEBHOOK = "/api/messaging/v1/webhooks/twilio"
TEXTS = ("STOP", "START", "We are late", "HELP")


class Business:
    """The scripts of one round. Every value that a script sends is its own, so that its effects can be counted."""

    def __init__(self, cast: Cast, sender: Sender, chance: Random, gateway: str) -> None:
        self._cast = cast
        self._sender = sender
        self._chance = chance
        self._gateway = gateway

    def _mark(self) -> str:
        return f"{self._cast.mark}n{len(self._sender.history.wishes)}r{self._chance.randrange(10**6)}"

    async def referral(self) -> None:
        """A case comes in, and mostly it is answered."""
        mark, path = self._mark(), f"/api/referral/v1/clinics/{CLINIC}/referrals"
        case = {
            "client": {"name": "Client of a run"},
            "patient": {"name": mark, "species": "dog"},
            "history": "Coughs.",
            "clinical_signs": "Murmur.",
            "owner_consents": True,
        }
        vet, specialist = self._cast.tokens["referring_vet"], self._cast.tokens["specialist"]
        sent = await self._sender.post(vet, path, case, "refer", Shows("referral.ReferralSubmitted.v1", mark))
        answered = self._chance.random()
        if sent.outcome != "ok" or answered > 0.8:
            return
        id_ = sent.successes[0]["referral_id"]
        if answered < 0.4:
            shows = Shows("referral.ReferralAccepted.v1", id_)
            await self._sender.post(specialist, f"{path}/{id_}/accept", None, "accept", shows, if_match=0)
        else:
            shows = Shows("referral.ReferralDeclined.v1", id_)
            body = {"reason": "No room."}
            await self._sender.post(specialist, f"{path}/{id_}/decline", body, "decline", shows, if_match=0)

    async def appointment(self) -> None:
        """An owner asks, the clinic is told by mail, and mostly it answers."""
        base, mark = f"/api/scheduling/v1/clinics/{CLINIC}", self._mark()
        day = clock.now() + timedelta(days=self._chance.randrange(2, 60))
        wish = {"patient_id": PATIENT, "on": day.date().isoformat(), "part_of_day": "morning"}
        asked = await self._sender.post(
            self._cast.tokens["owner"],
            f"{base}/appointments",
            {**wish, "reason_id": self._cast.reason_id, "message": mark},
            "ask",
            Shows("scheduling.AppointmentRequested.v1", mark),
            mails=(Mailed(self._cast.desk, "{appointment_id}"),),
        )
        answered = self._chance.random()
        if asked.outcome != "ok" or answered > 0.8:
            return
        id_ = asked.successes[0]["appointment_id"]
        staff, path = self._cast.tokens["staff"], f"{base}/appointment-requests/{id_}"
        if answered < 0.4:
            shows = Shows("scheduling.AppointmentConfirmed.v1", id_)
            await self._sender.post(
                staff, f"{path}/confirm", {"starts_at": day.isoformat()}, "confirm", shows, if_match=0
            )
        else:
            shows = Shows("scheduling.AppointmentDeclined.v1", id_)
            await self._sender.post(staff, f"{path}/decline", {"explanation": None}, "no room", shows, if_match=0)

    async def invitation(self) -> None:
        """Somebody new gets a mail to choose a password by."""
        mark = self._mark()
        body = {"role": "owner", "email": f"{mark}@example.org", "client_id": mark}
        await self._sender.post(
            self._cast.tokens["staff"],
            f"/api/portal/v1/clinics/{CLINIC}/accounts",
            body,
            "invite",
            Shows("portal.AccountInvited.v1", body["email"]),
            mails=(Mailed(body["email"]),),
        )

    async def text(self) -> None:
        """A phone writes to the clinic's number."""
        message_id = f"SM{self._mark()}"
        phone = f"+1555000{self._chance.randrange(4):04}"
        form = {
            "To": self._cast.number,
            "From": phone,
            "Body": self._chance.choice(TEXTS),
            "MessageSid": message_id,
            "NumMedia": "0",
        }
        signed = self._gateway + WEBHOOK + "".join(name + form[name] for name in sorted(form))
        digest = hmac.digest(self._cast.secret.encode(), signed.encode(), "sha1")
        headers = {"X-Twilio-Signature": b64encode(digest).decode()}
        shows = Shows("messaging.SmsReceived.v1", message_id)
        await self._sender.send("POST", WEBHOOK, "text", shows, data=form, headers=headers)

    async def push(self, practice: Practice) -> None:
        """A run of the clinic's PIMS: some records changed, the others as before, somebody new who is then erased."""
        if practice.is_pushing:
            return
        practice.is_pushing = True
        try:
            await self._push(practice)
        finally:
            practice.is_pushing = False

    async def _push(self, practice: Practice) -> None:
        base = f"/api/pims-sync/v1/clinics/{practice.clinic_id}"
        who, mode = self._cast.tokens[practice.clinic_id], self._chance.choice(("full", "delta"))
        begun = await self._sender.post(
            who,
            f"{base}/runs",
            {"mode": mode, "vendor": "avimark"},
            "start run",
            Shows("pims-sync.SyncRunStarted.v1", "{run_id}"),
        )
        if begun.outcome != "ok":
            return
        run_id = begun.successes[0]["run_id"]
        passing = f"E{self._mark()}"
        clients = await self._file(practice, run_id, "client", mode, [passing])
        patients = await self._file(practice, run_id, "patient", mode, [])
        shows = Shows("pims-sync.SyncRunCompleted.v1", run_id)
        counts = {"declared_counts": {"client": clients, "patient": patients}}
        await self._sender.send("POST", f"{base}/runs/{run_id}/complete", "complete", shows, json=counts, headers=who)
        erased = Shows("pims-sync.ClientErased.v1", passing)
        staff = self._cast.tokens["operator"]
        await self._sender.send("POST", f"{base}/clients/{quote(passing)}/erase", "erase", erased, headers=staff)

    async def _file(self, practice: Practice, run_id: str, entity: str, mode: str, passing: list[str]) -> int:
        """How many rows were sent. A full run repeats what has not changed."""
        known = practice.clients if entity == "client" else practice.patients
        changed = self._chance.sample(sorted(known), self._chance.randrange(3, 10))
        mark = self._mark()
        known.update({id_: f"{mark} {id_}" for id_ in changed})
        rows = [*(known if mode == "full" else changed), *passing]
        names = {**known, **dict.fromkeys(passing, "Passing")}
        lines = [_row(entity, id_, names[id_]) for id_ in rows]
        type_ = {"client": "pims-sync.ClientSynced.v1", "patient": "pims-sync.PatientSynced.v2"}[entity]
        await self._sender.send(
            "PUT",
            f"/api/pims-sync/v1/clinics/{practice.clinic_id}/runs/{run_id}/files/{entity}",
            f"{entity} file",
            *(Shows(type_, known[id_]) for id_ in changed),
            *(Shows(type_, id_) for id_ in passing),
            content=(_HEADER[entity] + "".join(lines)).encode(),
            headers={**self._cast.tokens[practice.clinic_id], "content-type": "text/csv"},
        )
        return len(lines)


_HEADER = {"client": "AccountId,LastName,FirstName,email\n", "patient": "ClientAccountId,AccountId,Name,Species\n"}


def _row(entity: str, id_: str, name: str) -> str:
    return f"{id_},{name},Client,\n" if entity == "client" else f"C{int(id_[1:]) % 12},{id_},{name},CANINE\n"
