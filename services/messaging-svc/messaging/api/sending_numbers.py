"""The numbers a clinic texts from: whose an incoming text is, and whether it is genuine."""

from dataclasses import replace

from fastapi import APIRouter, Response

from messaging.api.access import NumberInPath, Staff, digits
from messaging.api.bodies import NumberAccepted, NumberAnswer, NumberBody
from messaging.domain.sending_number import PLATFORM, RegisterNumber, ReleaseNumber, sending_number
from messaging.projections.sending_number import sending_numbers
from shared.chassis.commands import handle
from shared.chassis.cursors import Page
from shared.chassis.endpoints import Accepted, Once, Read, Store, accepted, context, etag_of
from shared.chassis.views import After

router = APIRouter(tags=["sending numbers"])
PATH = "/clinics/{clinic_id}/sending-numbers"


@router.get(PATH)
async def list_sending_numbers(
    clinic_id: str, _who: Staff, views: Read, page: Page, after: After, response: Response
) -> list[NumberAnswer]:
    """The clinic's own."""
    rows = await views.list(sending_numbers, PLATFORM, {"clinic_id": clinic_id}, page, after)
    shown = page.page(rows, lambda row: row.key, response)
    return [NumberAnswer(**row.view.model_dump(exclude={"clinic_id"})) for row in shown]


@router.post(PATH, status_code=201, response_model=NumberAccepted)
async def register_sending_number(clinic_id: str, body: NumberBody, who: Staff, store: Store, once: Once) -> Response:
    """Register it, or replace its secret. 409 `number-taken` when it is another clinic's."""
    asked = replace(context(who, clinic_id, once.command_id), clinic_id=PLATFORM)
    command = RegisterNumber(clinic_id, body.number, body.auth_token, asked.now)
    handled = await handle(store, sending_number, digits(body.number), command, asked)
    return await once.answer(accepted(handled, number=body.number), headers=etag_of(handled))


@router.post(PATH + "/{number}/release", response_model=Accepted)
async def release_sending_number(
    clinic_id: str, number: NumberInPath, who: Staff, store: Store, once: Once
) -> Response:
    """Give it up: its texts are nobody's, and another clinic may register it."""
    asked = replace(context(who, clinic_id, once.command_id), clinic_id=PLATFORM)
    handled = await handle(store, sending_number, digits(number), ReleaseNumber(clinic_id, asked.now), asked)
    return await once.answer(accepted(handled), 200, etag_of(handled))
