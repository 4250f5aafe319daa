"""The process's main. It puts the services on the path, so that it runs from the repository's root as it is."""

import sys
from pathlib import Path


def _services_on_the_path() -> None:
    root = Path(__file__).parents[2]
    sys.path[:0] = [str(folder) for folder in sorted((root / "services").glob("*-svc"))]


if __name__ == "__main__":
    _services_on_the_path()
    from ops.vetwire.app import run
    from shared.chassis.logs import set_up_logging

    set_up_logging("ops", "production", "CRITICAL", sys.stderr)
    sys.exit(run(sys.argv[1:]))
