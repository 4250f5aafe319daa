"""The API process of `trip`: a command, and one query twice, with authentication and without.

Prints as its first line the tokens of some members of the staff, as many as its argument says.
"""

import json
import sys
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from benchmarks.trip import SHEET, Note, TripSettings
from shared.chassis.api_app import create_api, serve
from shared.chassis.auth import Identity, clinic_access, public
from shared.chassis.clock import now
from shared.chassis.commands import handle
from shared.chassis.endpoints import Accepted, Once, Store, accepted, connected, context
from shared.testing.tokens import Mint

Staff = Annotated[Identity, Depends(clinic_access("staff"))]
router = APIRouter(tags=["trip"])


class Card(BaseModel):
    """What a query answers."""

    clinic_id: str
    name: str
    species: str
    weights: tuple[float, ...]


@router.post("/clinics/{clinic_id}/sheets/{number}", status_code=201, response_model=Accepted)
async def take_note(clinic_id: str, number: str, who: Staff, store: Store, once: Once) -> Response:
    asked = context(who, clinic_id, once.command_id)
    handled = await handle(store, SHEET, number, Note(number), asked)
    return await once.answer(accepted(handled), 201)


@router.get("/clinics/{clinic_id}/guarded")
async def read_guarded(clinic_id: str, _who: Staff) -> Card:
    return Card(clinic_id=clinic_id, name="Biscuit", species="canine", weights=(18.4, 18.1, 17.9))


@router.get("/clinics/{clinic_id}/open", dependencies=[Depends(public)])
async def read_open(clinic_id: str) -> Card:
    return Card(clinic_id=clinic_id, name="Biscuit", species="canine", weights=(18.4, 18.1, 17.9))


def main(people: int) -> None:
    mint, settings = Mint(), TripSettings()
    until = int((now() + timedelta(hours=1)).timestamp())
    print(json.dumps([mint.token(sub=f"staff-{n}", exp=until) for n in range(people)]), flush=True)
    serve(lambda: create_api(settings, (router,), lifespan=connected(settings), verifier=mint.verifier()), settings)


if __name__ == "__main__":
    main(int(sys.argv[1]))
