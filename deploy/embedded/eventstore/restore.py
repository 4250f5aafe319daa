"""`python -m deploy.embedded.eventstore.restore --backup FILE --data DIR`: a new data directory from a backup.

DIR must be empty or not there, and no server may have it. Events written after the backup are gone and their positions
are given out again: whatever keeps positions of this store (relays, projections) has to be rebuilt.
Exit codes: 0 restored, 1 the backup is broken, 2 bad arguments, 3 DIR is not empty or in use, or FILE unreadable.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.embedded.eventstore.backup import settle
from deploy.embedded.eventstore.storage import StorageError, locked
from deploy.embedded.eventstore.verification import Report
from deploy.embedded.eventstore.verify import EXIT_BROKEN, refuse, verify_backup


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded.eventstore.restore", description=__doc__)
    parser.add_argument("--backup", type=Path, required=True, help="a file that a backup wrote")
    parser.add_argument("--data", type=Path, required=True, help="the directory to fill")
    arguments = parser.parse_args(words)
    try:
        report = restore(arguments.backup, arguments.data)
    except (StorageError, OSError) as error:
        return refuse(error)
    print(report)
    return EXIT_BROKEN if report.broken else 0


def restore(backup: Path, directory: Path) -> Report:
    """Fill `directory`, verified as it lies there; nothing stays if it is broken. Errors: StorageError, OSError."""
    if not backup.is_file():
        raise StorageError(f"there is no {backup}")
    with locked(directory) as database:
        if others := [found.name for found in directory.iterdir() if found.name != "lock"]:
            raise StorageError(f"{directory} is not empty: it holds {', '.join(sorted(others)[:3])}")
        partial = database.with_name(f"{database.name}.partial")
        try:
            shutil.copyfile(backup, partial)
            report = verify_backup(partial)
            if report.broken is None:
                settle(partial, database)
        finally:
            partial.unlink(missing_ok=True)
    return report


if __name__ == "__main__":
    sys.exit(main())
