"""The clinic's booking settings: read and set as a whole."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from scheduling.api.access import Staff
from scheduling.api.bodies import BookingSettingsAnswer, BookingSettingsBody
from scheduling.domain.booking_settings import BookingSettings, SetBookingSettings
from scheduling.domain.booking_settings import booking_settings as decider
from scheduling.projections.booking_settings import BookingSettingsView, booking_settings
from shared.chassis import clock
from shared.chassis.commands import handle
from shared.chassis.endpoints import Accepted, Read, Store, accepted, context, etag_of
from shared.chassis.etags import etag, if_match, not_modified
from shared.chassis.openapi import CONDITIONAL
from shared.chassis.views import After

router = APIRouter(tags=["booking settings"])
PATH = "/clinics/{clinic_id}/booking-settings"


@router.get(PATH, response_model=BookingSettingsAnswer, responses=CONDITIONAL)
async def read_booking_settings(
    clinic_id: str, _who: Staff, views: Read, after: After, request: Request, response: Response
) -> BookingSettingsAnswer | Response:
    """The settings that hold: the usual ones while the clinic has set none."""
    shown = await views.get(booking_settings, clinic_id, after=after)
    if shown is None:
        return BookingSettingsAnswer(**BookingSettingsView().model_dump(), revision=None)
    response.headers["ETag"] = etag(shown.revision)
    answer = BookingSettingsAnswer(**shown.view.model_dump(), revision=shown.revision)
    return not_modified(request, shown.revision) or answer


@router.put(PATH, response_model=Accepted)
async def set_booking_settings(
    clinic_id: str,
    body: BookingSettingsBody,
    who: Staff,
    store: Store,
    expected: Annotated[int | None, Depends(if_match)],
    response: Response,
) -> dict[str, Any]:
    """Set all of them; what stays as it was is no event, so that repeating a PUT changes nothing."""
    wanted = BookingSettings(body.notify_address, body.parts(), body.horizon_days, body.time_zone)
    asked = context(who, clinic_id, UUID(clock.new_id()))
    handled = await handle(store, decider, "", SetBookingSettings(clinic_id, wanted), asked, expected)
    response.headers.update(etag_of(handled))
    return accepted(handled)
