"""`python -m deploy.embedded.eventstore.verify --data DIR | --backup FILE`: is everything there, as it was written?

Works beside a running server. Exit codes: 0 sound, 1 broken (says where), 2 bad arguments, 3 nothing there to read.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.embedded.eventstore.storage import DATABASE, StorageError
from deploy.embedded.eventstore.verification import Report, opened, verify

EXIT_BROKEN = 1
EXIT_STORAGE = 3


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded.eventstore.verify", description=__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--data", type=Path, help="directory of a server, which may be running")
    which.add_argument("--backup", type=Path, help="a file that a backup wrote")
    arguments = parser.parse_args(words)
    try:
        report = verify_backup(arguments.backup) if arguments.backup else verify_data(arguments.data)
    except StorageError as error:
        return refuse(error)
    print(report)
    return EXIT_BROKEN if report.broken else 0


def verify_data(directory: Path) -> Report:
    """Errors: StorageError if it holds no event store."""
    with opened(directory / DATABASE, at_rest=False) as database:
        return verify(database)


def verify_backup(file: Path) -> Report:
    """Errors: StorageError if it is no event store."""
    with opened(file, at_rest=True) as database:
        return verify(database)


def refuse(error: Exception) -> int:
    print(f"event store: {error}", file=sys.stderr)
    return EXIT_STORAGE


if __name__ == "__main__":
    sys.exit(main())
