"""A client as the Account tab shows them (R58): read-only, since names and contacts change in the PIMS (R59)."""

from datetime import datetime
from typing import get_args

from pydantic import BaseModel

from shared.events.pims_sync import Address, ClientErased, ClientEvent, ClientSynced, Contact, Status
from shared.kernel.decider import Projection


class Client(BaseModel):
    """After erasure nothing personal is left: a tombstone that says so."""

    clinic_id: str
    client_id: str
    vendor: str | None = None
    status: Status = "active"
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    contacts: tuple[Contact, ...] | None = None
    addresses: tuple[Address, ...] | None = None
    erased: bool = False
    observed_at: datetime


def evolve(client: Client | None, event: ClientEvent) -> Client:
    """Erasure is final: the person's key is gone, and so later records have nothing personal in them either."""
    match event:
        case ClientErased():
            vendor = client.vendor if client else None
            return Client(
                clinic_id=event.clinic_id,
                client_id=event.client_id,
                vendor=vendor,
                erased=True,
                observed_at=event.erased_at,
            )
        case ClientSynced():
            return _recorded(event, erased=client is not None and client.erased)


def _recorded(event: ClientSynced, *, erased: bool) -> Client:
    if erased:
        event = event.model_copy(update=dict.fromkeys(event.personal_fields))
    return Client(
        clinic_id=event.clinic_id,
        client_id=event.client_id,
        vendor=event.vendor,
        status=event.status,
        first_name=event.first_name,
        last_name=event.last_name,
        company=event.company,
        contacts=event.contacts,
        addresses=event.addresses,
        erased=erased,
        observed_at=event.observed_at,
    )


clients = Projection[ClientEvent, Client]("clients", "client", get_args(ClientEvent), Client, evolve)
