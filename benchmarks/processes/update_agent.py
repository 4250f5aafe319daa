"""The other side of G3: a Faust agent as its tutorial has it, which updates the document of each event."""

import os
import tempfile
from typing import Any

import faust
import uvloop
from faust.types import StreamT
from motor.motor_asyncio import AsyncIOMotorClient

from benchmarks.notes import notebook
from shared.events.base import Event

SERVICE = "benchagent"
BOOK = notebook(SERVICE)
SHOWN = {"name", "species", "weight", "owner", "note", "observed_at"}


def change(event: Event, revision: int) -> dict[str, Any]:
    """Set what the event says, count it."""
    said = {**event.model_dump(include=SHOWN), "_clinic": "elm", "_rev": revision}
    return {"$set": said, "$inc": {"steps": 1}}


async def main() -> None:
    sheets = AsyncIOMotorClient[dict[str, Any]](os.environ["VETWIRE_MONGODB"])[SERVICE]["sheets"]
    app = faust.App(
        SERVICE,
        broker=f"kafka://{os.environ['VETWIRE_KAFKA']}",
        web_enabled=False,
        datadir=tempfile.gettempdir(),
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
    )
    source = app.topic(BOOK.topic, value_serializer="raw", key_serializer="raw", value_type=bytes)

    @app.agent(source)
    async def update(stream: StreamT[bytes]) -> None:
        async for record in stream.events():
            event = BOOK.event.model_validate_json(record.value)
            key = record.key.decode().partition("-")[2]
            revision = int(dict(record.headers)["ce_streamrevision"])
            await sheets.update_one({"_id": key}, change(event, revision), upsert=True)

    app.finalize()
    await app.start()
    await app.wait_until_stopped()


if __name__ == "__main__":
    uvloop.run(main())
