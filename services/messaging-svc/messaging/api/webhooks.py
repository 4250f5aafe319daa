"""Texts that providers deliver. Nobody is let in by a token here: the provider's signature is the ticket (C.5)."""

import re
from dataclasses import dataclass
from typing import Annotated, get_args
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Header, Request, Response

from messaging.api.access import E164, digits, phone_index
from messaging.api.twilio_signature import Field, is_genuine
from messaging.domain.sending_number import PLATFORM, Registered, SendingNumber, sending_number
from messaging.domain.sms_consent import ReceiveSms, sms_consent
from shared.chassis import clock
from shared.chassis.auth import public
from shared.chassis.commands import Context, handle, state_of
from shared.chassis.endpoints import Running, Store
from shared.chassis.event_store import EventStore
from shared.chassis.logs import correlation_id
from shared.chassis.problems import Problem
from shared.chassis.routes import KIB
from shared.chassis.telemetry import current_traceparent
from shared.chassis.uploads import chunks
from shared.events.envelope import Actor
from shared.events.messaging import Keyword
from shared.kernel.ids import derived_id

router = APIRouter(tags=["webhooks"])
FORM = "application/x-www-form-urlencoded"
MAX_BYTES = 64 * KIB
MAX_FIELDS = 200
NOTHING_TO_SAY = "<?xml version='1.0' encoding='UTF-8'?><Response/>"
_FORM_BODY = {
    "required": True,
    "content": {
        FORM: {
            "schema": {
                "type": "object",
                "description": "As the provider sends it; all other fields are signed too",
                "required": ["To", "From", "MessageSid"],
                "properties": {name: {"type": "string"} for name in ("To", "From", "MessageSid", "Body", "OptOutType")},
            }
        }
    },
}


class TwiML(Response):
    """What the provider does next, in its own words."""

    media_type = "text/xml"


@dataclass(frozen=True)
class _Form:
    """The fields as they came: all of them are signed, few of them are read."""

    fields: tuple[Field, ...]

    def one(self, name: str) -> str | None:
        """The field's value; None unless it is there exactly once."""
        values = [value for field, value in self.fields if field == name]
        return values[0] if len(values) == 1 else None


@router.post(
    "/webhooks/twilio", dependencies=[Depends(public)], response_class=TwiML, openapi_extra={"requestBody": _FORM_BODY}
)
async def receive_twilio_sms(
    request: Request,
    running: Running,
    store: Store,
    x_twilio_signature: Annotated[str, Header(max_length=200)] = "",
) -> Response:
    """An inbound text, recorded before this answers; the same MessageSid again changes nothing.

    401 `signature-invalid` for a wrong signature and for a number that nobody registered: they do not differ.
    """
    form = await _form(request)
    number = await _number(store, form.one("To"))
    url = _public_url(running.settings.public_url, request)
    auth_token = number.auth_token if isinstance(number, Registered) else None
    genuine = is_genuine(auth_token or clock.random_token(), url, form.fields, x_twilio_signature)
    if not (genuine and isinstance(number, Registered)):
        raise Problem(401, "signature-invalid", "The signature does not fit.", headers={"WWW-Authenticate": "Twilio"})
    command = _command(request, form, number)
    local_id = f"{digits(command.number)}.{command.phone_index}"
    await handle(store, sms_consent, local_id, command, _context(command))
    return TwiML(NOTHING_TO_SAY)


async def _form(request: Request) -> _Form:
    """415, 413 or 400 for what is no form of a sane size; checked before anything is computed over it."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Problem(415, "unsupported-media-type", "Send a form.")
    raw = b"".join([chunk async for chunk in chunks(request, MAX_BYTES)])
    try:
        text = raw.decode("ascii")
        return _Form(tuple(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)))
    except ValueError:
        raise Problem(400, "form-malformed", "The form cannot be read.") from None


def _public_url(gateway: str, request: Request) -> str:
    """What Twilio was told to call: behind the gateway the request's own host says nothing."""
    query = f"?{request.url.query}" if request.url.query else ""
    return gateway.rstrip("/") + request.url.path + query


async def _number(store: EventStore, number: str | None) -> SendingNumber | None:
    if number is None or not re.fullmatch(E164, number):
        return None
    return await state_of(store, sending_number, PLATFORM, digits(number))


def _command(request: Request, form: _Form, number: Registered) -> ReceiveSms:
    phone, message_id = form.one("From"), form.one("MessageSid")
    if phone is None or not re.fullmatch(E164, phone) or not message_id:
        raise Problem(422, "not-a-text", "From and MessageSid are needed.")
    now = clock.now()
    return ReceiveSms(
        clinic_id=number.clinic_id,
        number=number.number,
        phone_index=phone_index(request, number.clinic_id, phone),
        phone=phone,
        message_id=message_id,
        body=form.one("Body") or "",
        sent_at=now,  # Twilio tells no time with a delivery
        now=now,
        provider_keyword=_provider_keyword(form.one("OptOutType")),
    )


def _provider_keyword(opt_out_type: str | None) -> Keyword | None:
    return next((word for word in get_args(Keyword) if word == (opt_out_type or "").lower()), None)


def _context(command: ReceiveSms) -> Context:
    return Context(
        clinic_id=command.clinic_id,
        actor=Actor(kind="system", id="twilio"),
        command_id=derived_id("twilio", command.number, command.message_id),
        correlation_id=correlation_id() or clock.new_id(),
        now=command.now,
        traceparent=current_traceparent(),
    )
