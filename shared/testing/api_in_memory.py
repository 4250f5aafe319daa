"""A service's API without servers: existing streams and a request in, a response and new events out."""

import asyncio
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from shared.chassis.settings import ChassisSettings
from shared.events.base import Event
from shared.testing.caller import Caller
from shared.testing.memory import MemoryEventStore, memory_state
from shared.testing.tokens import Mint


class ApiInMemory:
    """`build` is the service's own `main.build`; `more` goes on the runtime."""

    def __init__(self, build: Any, settings: ChassisSettings, **more: Any) -> None:
        self.mint = Mint()
        self.store = MemoryEventStore()
        state = memory_state(self.store, settings=settings, **more)
        self.app: FastAPI = build(settings, self.mint.verifier(), state)
        self.client = TestClient(self.app, base_url=f"http://testserver/api/{settings.service}/v1/")

    def caller(self, role: str = "staff", clinic: str = "elm", **claims: Any) -> Caller:
        """Somebody with that role in the clinic; paths begin below `/clinics/<clinic>`."""
        return Caller(self.client, f"clinics/{clinic}", self.mint.headers(role, (clinic,), **claims))

    def owner(self, client_id: str = "7", clinic: str = "elm") -> Caller:
        """The owner whom the clinic knows as `client_id`."""
        return self.caller("owner", clinic, sub=f"owner-{client_id}", client_ids={clinic: client_id})

    def given(self, stream: str, *events: Event) -> None:
        """History, before the request."""
        asyncio.run(self.store.given(stream, *events))

    def events(self, stream: str | None = None) -> list[Event]:
        """What is stored now: of one stream, or everything."""
        return asyncio.run(self.store.events(stream))
