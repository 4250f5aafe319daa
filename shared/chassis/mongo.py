"""MongoDB through motor; the only module that knows the driver (design 20)."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from bson.codec_options import CodecOptions, TypeRegistry
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import ReturnDocument as ReturnDocument
from pymongo.errors import ConnectionFailure, OperationFailure
from pymongo.write_concern import WriteConcern

Document = dict[str, Any]
Client = AsyncIOMotorClient[Document]
Database = AsyncIOMotorDatabase[Document]
Collection = AsyncIOMotorCollection[Document]

UNJOURNALED = WriteConcern(w=1)
JOURNALED = WriteConcern(w="majority", j=True)
INFRASTRUCTURE_ERRORS = (ConnectionFailure, OperationFailure, OSError)
"""The server is away, busy, or does not let us in: waiting helps. What is wrong with a document is not among them."""
IDS_AT_ONCE = 100
"""Ids that one query asks for (see `by_ids`)."""
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024


def _encoded(value: Any) -> Any:
    """BSON has no calendar date and no exact decimal of Python's: both are kept as text, which pydantic reads back."""
    if isinstance(value, date | Decimal):
        return str(value)
    raise TypeError(f"no BSON for {type(value).__name__}")


CODEC: CodecOptions[Document] = CodecOptions(tz_aware=True, type_registry=TypeRegistry(fallback_encoder=_encoded))


def connect(uri: str) -> Client:
    """A client for `uri` (mongodb://...). Connects on first use; server selection gives up after 5 s."""
    return AsyncIOMotorClient(uri, serverSelectionTimeoutMS=5000, tz_aware=True, appname="vetwire")


def database(client: Client, name: str) -> Database:
    """The database of one service. Writes are acknowledged by one member unless a caller asks for more."""
    return client.get_database(name, codec_options=CODEC, write_concern=UNJOURNALED)


async def by_ids(collection: Collection, ids: Iterable[Any], fields: Sequence[str] | None = None) -> list[Document]:
    """The documents with those ids, in no order; of `fields` alone if they are given. Raises pymongo's errors.

    Asked for in parts, since SecantusDB compares each document it finds with all ids that it was asked for (ADR 5).
    """
    wanted, found = list(ids), list[Document]()
    for first in range(0, len(wanted), IDS_AT_ONCE):
        query = {"_id": {"$in": wanted[first : first + IDS_AT_ONCE]}}
        found += [row async for row in collection.find(query, fields)]
    return found


def journaled(collection: Collection) -> Collection:
    """The same collection with writes that survive a crash: one such write makes the earlier ones durable too."""
    return collection.with_options(write_concern=JOURNALED)
