"""`python -m deploy.embedded.eventstore --host 127.0.0.1 --port 2113 --data DIR`."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import uvloop

from deploy.embedded.eventstore.crashes import Passing, crash_at, go_on
from deploy.embedded.eventstore.server import EventStoreServer, PortTakenError
from deploy.embedded.eventstore.storage import StorageError, locked

EXIT_STORAGE = 3
EXIT_PORT_TAKEN = 4
LOCAL_ADDRESSES = ("127.0.0.1", "::1", "[::1]", "localhost")


def main() -> int:
    """Exit codes: 0 stopped on request, 2 bad arguments, 3 data in use or unreadable, 4 port taken."""
    arguments = _arguments()
    logging.basicConfig(level=arguments.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    passing = crash_at(os.environ.get("VETWIRE_CRASH_AT", "")) if arguments.allow_crashes else go_on
    try:
        with locked(arguments.data) as database, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(arguments.host, arguments.port, database, passing))
    except StorageError as error:
        return _refuse(EXIT_STORAGE, error)
    except PortTakenError as error:
        return _refuse(EXIT_PORT_TAKEN, error)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded.eventstore", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="there is no authentication: keep it local")
    parser.add_argument("--port", type=int, default=2113, help="0 picks a free one")
    parser.add_argument("--data", type=Path, required=True, help="directory for the database")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    parser.add_argument("--allow-crashes", action="store_true", help="for tests: heed VETWIRE_CRASH_AT")
    return parser.parse_args()


async def _serve(host: str, port: int, database: Path, passing: Passing) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    server = EventStoreServer(database, passing)
    bound = await server.start(host, port)
    if host not in LOCAL_ADDRESSES:
        logging.getLogger(__name__).warning("anybody who reaches %s can read and write: no authentication", host)
    print(f"event store ready on {host}:{bound}", flush=True)
    try:
        await stopping.wait()
    finally:
        await server.stop()


def _refuse(code: int, error: Exception) -> int:
    print(f"event store: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
