"""noida-db as the Kafka broker: chosen with BROKER=noida, or where Apache Kafka's jars cannot be had.

It saves in the background, so kill -9 loses its newest records: Kafka is disposable here (design rule 8).
`python -m deploy.embedded.noida --port N --data DIR` becomes the server (exec: same process id).
"""

import argparse
import os
from importlib.metadata import version as installed_version
from importlib.resources import files
from pathlib import Path


def version() -> str:
    return installed_version("noida-db")


def command(port: int, data: Path) -> list[str]:
    binary = str(files("noida_db").joinpath("noida-db"))
    return [binary, "start", "--data-dir", str(data), "--only", "kafka", "--kafka-port", str(port)]


def become(port: int, data: Path) -> None:
    data.mkdir(parents=True, exist_ok=True)
    line = command(port, data)
    os.execv(line[0], line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    become(options.port, options.data.resolve())


if __name__ == "__main__":
    main()
