"""The numbers that clinics text from, without their secrets."""

from datetime import datetime

from pydantic import BaseModel

from shared.events import messaging as events
from shared.kernel.decider import Projection


class SendingNumberLine(BaseModel):
    """One number; `secret_set_at` is when its secret was last set."""

    clinic_id: str
    number: str
    registered_at: datetime
    secret_set_at: datetime


def evolve(view: SendingNumberLine | None, event: events.NumberEvent) -> SendingNumberLine | None:
    match event, view:
        case events.SendingNumberRegistered(clinic_id=clinic_id, number=number, registered_at=at), _:
            return SendingNumberLine(clinic_id=clinic_id, number=number, registered_at=at, secret_set_at=at)
        case (events.SendingNumberReleased(), _) | (_, None):
            return None
        case events.SendingNumberSecretReplaced(replaced_at=at), _:
            return view.model_copy(update={"secret_set_at": at})


sending_numbers = Projection[events.NumberEvent, SendingNumberLine](
    "sending_numbers",
    "sendingnumber",
    (events.SendingNumberRegistered, events.SendingNumberSecretReplaced, events.SendingNumberReleased),
    SendingNumberLine,
    evolve,
    indexes=(("clinic_id",),),
)
