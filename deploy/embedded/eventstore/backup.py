"""`python -m deploy.embedded.eventstore.backup --data DIR --out FILE`: copy the events while the server runs.

The copy is of one moment: everything acknowledged before the command began is in it. It is one file, verified before
it gets its name. Exit codes: 0 written, 1 the data is broken, 2 bad arguments, 3 unreadable, or FILE is there already.
"""

import argparse
import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from deploy.embedded.eventstore.storage import DATABASE, StorageError
from deploy.embedded.eventstore.verification import Report, opened
from deploy.embedded.eventstore.verify import EXIT_BROKEN, refuse, verify_backup


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded.eventstore.backup", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of a server, which may be running")
    parser.add_argument("--out", type=Path, required=True, help="the file to write; it must not be there yet")
    arguments = parser.parse_args(words)
    try:
        report = back_up(arguments.data, arguments.out)
    except (StorageError, OSError) as error:
        return refuse(error)
    print(report)
    return EXIT_BROKEN if report.broken else 0


def back_up(directory: Path, out: Path) -> Report:
    """Write a verified copy; a broken one is not kept. Errors: StorageError, OSError."""
    if out.exists():
        raise StorageError(f"{out} is there already")
    partial = out.with_name(f"{out.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        _copy(directory / DATABASE, partial)
        report = verify_backup(partial)
        if report.broken is None:
            settle(partial, out)
    finally:
        partial.unlink(missing_ok=True)
    return report


def settle(partial: Path, path: Path) -> None:
    """Give a finished file its name, so that it is whole or not there even after a power cut."""
    _flush(partial)
    partial.rename(path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(database: Path, partial: Path) -> None:
    # All pages in one step: between two steps a commit of the server would make the copy start over, for ever.
    with opened(database, at_rest=False) as source, closing(sqlite3.connect(partial)) as target:
        source.backup(target, pages=-1)
        target.execute("PRAGMA journal_mode = DELETE")


if __name__ == "__main__":
    sys.exit(main())
