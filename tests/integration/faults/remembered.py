"""MongoDB as far as a projector uses it, in memory, with what a crash of the server may forget."""

from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import bson
from pymongo import InsertOne, ReplaceOne
from pymongo.errors import BulkWriteError

from shared.chassis.mongo import CODEC, Database, Document
from shared.chassis.parking import Parking


class Rows:
    """A collection. `journal` makes what was written so far safe from `crash`."""

    def __init__(self) -> None:
        self.rows: dict[str, Document] = {}
        self._safe: dict[str, Document] = {}

    async def find(self, query: Document, fields: Sequence[str] | None = None) -> AsyncIterator[Document]:
        for key in query["_id"]["$in"]:
            if key in self.rows:
                yield dict(self.rows[key])

    async def bulk_write(self, operations: Sequence[Any], ordered: bool) -> SimpleNamespace:
        """Each write on its own, as unordered ones are. BulkWriteError if a key was there already."""
        inserted = matched = 0
        errors = []
        for operation in operations:
            document = bson.decode(operation._doc.raw, codec_options=CODEC)
            there = self.rows.get(document["_id"])
            match operation:
                case InsertOne() if there is not None:
                    errors.append({"code": 11000})
                    continue
                case InsertOne():
                    inserted += 1
                case ReplaceOne() if there is None or there["_rev"] != operation._filter["_rev"]:
                    continue
                case _:
                    matched += 1
            self.rows[document["_id"]] = document
        if errors:
            raise BulkWriteError({"writeErrors": errors})
        return SimpleNamespace(inserted_count=inserted, matched_count=matched)

    def journal(self) -> None:
        self._safe = dict(self.rows)

    def crash(self) -> None:
        self.rows = dict(self._safe)


class NothingParked:
    """Stands for the parking of a service whose handlers never fail."""

    async def blocks(self, *_: object) -> bool:
        return False

    async def park(self, *about: object) -> None:
        raise AssertionError(f"parked: {about}")


def database(collection: str, rows: Rows) -> Database:
    return cast(Database, {collection: rows})


def nothing_parked() -> Parking:
    return cast(Parking, NothingParked())
