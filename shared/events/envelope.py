"""What travels with every event (design 5) and the form in which a reader gets one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.events.base import Event

ActorKind = Literal["owner", "staff", "referring_vet", "specialist", "pims", "operator", "system"]


class Actor(BaseModel):
    """Who wanted it: an id within its kind, never a name."""

    model_config = ConfigDict(frozen=True)
    kind: ActorKind
    id: str


class Metadata(BaseModel):
    """`clinic_id` is the tenant; `recorded_at` is UTC; `causation_id` is the event or command that led here."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    clinic_id: str
    actor: Actor
    command_id: UUID
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as the store or Kafka holds it: bytes. `position` is the commit position in `$all`."""

    id: UUID
    type: str
    stream: str
    revision: int
    position: int
    data: bytes
    metadata: bytes


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event read back. `revision` counts from 0 within the stream; `position` orders the whole store."""

    event: Event
    id: UUID
    stream: str
    revision: int
    position: int
    metadata: Metadata
