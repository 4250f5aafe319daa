"""SecantusDB, a MongoDB-compatible server on WiredTiger, as a separate process of the embedded stack only.

Beta and GPL-2.0: it is executed, never imported by the services (ADR 0005).
`python -m deploy.embedded.mongodb --port N --data DIR` becomes the server (exec: same process id).
"""

import argparse
import os
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

CACHE = "128M"
OPLOG_ENTRIES = 20_000


def version() -> str:
    return installed_version("secantusdb")


def uri(host: str, port: int) -> str:
    """With retryWrites on, SecantusDB's writes slow down as they pile up (20 x in one load)."""
    return f"mongodb://{host}:{port}/?retryWrites=false&directConnection=true"


def command(host: str, port: int, data: Path) -> list[str]:
    """It advertises a replica set of one (the default), which change streams and transactions need."""
    limits = ["--cache-size", CACHE, "--oplog-max-entries", str(OPLOG_ENTRIES), "--log-level", "WARNING"]
    place = ["--host", host, "--port", str(port), "--storage-path", str(data)]
    return [sys.executable, "-m", "secantus", *place, *limits]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    data: Path = options.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    line = command(options.host, options.port, data)
    os.chdir(data)  # no configuration file is picked up from wherever this was started
    os.execv(line[0], line)


if __name__ == "__main__":
    main()
