"""Guessing passwords gets slower with every failure, for an account and for an address (ASVS 6.3.1, API2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from math import ceil
from typing import Annotated, Protocol

from fastapi import Depends, Request

from shared.chassis.clock import now
from shared.chassis.mongo import Database, ReturnDocument
from shared.chassis.problems import Problem

FORGET_AFTER = timedelta(hours=24)
LONGEST_WAIT = timedelta(minutes=15)


@dataclass(frozen=True)
class Key:
    """Whose failures are counted; the first `free` of them cost nothing."""

    name: str
    free: int


def account_key(email_index: str) -> Key:
    """The account of a mail address, or of one that has none: no difference shows."""
    return Key(f"account:{email_index}", 5)


def address_key(request: Request) -> Key:
    """The network address that a request comes from: many people may share it. IPv6 counts by /64.

    The gateway tells it, as it knows which proxies before it are to be believed, and drops what clients say.
    """
    told = request.headers.get("x-envoy-external-address") or request.headers.get("x-forwarded-for", "")
    text = told.rpartition(",")[2].strip() or (request.client.host if request.client else "")
    try:
        address = ip_address(text)
    except ValueError:
        return Key("address:unknown", 50)
    return Key(f"address:{address.exploded[:19] if address.version == 6 else address}", 50)


def wait_after(failures: int, free: int) -> timedelta:
    """No wait for the first `free` failures, then 1, 2, 4 ... seconds, 15 minutes at most."""
    if failures <= free:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(failures - free - 1, 12)), LONGEST_WAIT)


class Throttle(Protocol):
    """Counts an attempt before it is made, so that many at once count too."""

    async def attempt(self, keys: Sequence[Key]) -> None:
        """Count one for each key. Problem 429 `too-many-attempts` (Retry-After) while one has to wait; not counted."""
        ...

    async def succeeded(self, keys: Sequence[Key]) -> None:
        """The attempt was right: forget the failures of these keys."""
        ...


class MongoThrottle:
    """One document for each key in `login_attempts`; MongoDB deletes them after a day without attempts."""

    def __init__(self, db: Database) -> None:
        self._attempts = db["login_attempts"]

    async def prepare(self) -> None:
        """Make the index that deletes old counts; may be repeated."""
        await self._attempts.create_index("expires_at", expireAfterSeconds=0)

    async def attempt(self, keys: Sequence[Key]) -> None:
        """See `Throttle`."""
        at = now()
        waiting = {"_id": {"$in": [key.name for key in keys]}, "until": {"$gt": at}}
        async for row in self._attempts.find(waiting):
            raise too_many(row["until"] - at)
        for key in keys:
            await self._count(key, at)

    async def _count(self, key: Key, at: datetime) -> None:
        row = await self._attempts.find_one_and_update(
            {"_id": key.name},
            {"$inc": {"failures": 1}, "$set": {"expires_at": at + FORGET_AFTER}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        if wait := wait_after(row["failures"], key.free):
            await self._attempts.update_one({"_id": key.name}, {"$set": {"until": at + wait}})

    async def succeeded(self, keys: Sequence[Key]) -> None:
        """See `Throttle`."""
        await self._attempts.delete_many({"_id": {"$in": [key.name for key in keys]}})


class MemoryThrottle:
    """For one process alone: tests."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._until: dict[str, datetime] = {}

    async def attempt(self, keys: Sequence[Key]) -> None:
        """See `Throttle`."""
        at = now()
        for key in keys:
            if (until := self._until.get(key.name, at)) > at:
                raise too_many(until - at)
        for key in keys:
            self._failures[key.name] = self._failures.get(key.name, 0) + 1
            self._until[key.name] = at + wait_after(self._failures[key.name], key.free)

    async def succeeded(self, keys: Sequence[Key]) -> None:
        """See `Throttle`."""
        for key in keys:
            self._failures.pop(key.name, None)
            self._until.pop(key.name, None)


def too_many(wait: timedelta) -> Problem:
    """What a guesser is told, and somebody who mistyped."""
    seconds = str(ceil(wait.total_seconds()))
    return Problem(429, "too-many-attempts", "Too many attempts; wait a little.", headers={"Retry-After": seconds})


def _throttle(request: Request) -> Throttle:
    found: Throttle = request.app.state.throttle
    return found


Throttled = Annotated[Throttle, Depends(_throttle)]
