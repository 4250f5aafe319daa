"""`python -m deploy.embedded.sample --endpoints FILE --out FILE`: load two sample clinics; again: change nothing.

`--root DIR` is for the supervisor: the place comes from the environment, the outcome goes to DIR/sample.json.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.embedded.sample.caller import SampleFailed
from deploy.embedded.sample.loading import load
from deploy.embedded.sample.place import place_from_environment, place_in


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 when the clinics are there, 1 with a sentence when they cannot be loaded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoints", type=Path, help="the endpoints.json of a running system")
    parser.add_argument("--out", type=Path, help="where passwords and secrets are kept")
    parser.add_argument("--root", type=Path, help="the supervisor's folder, instead of both")
    options = parser.parse_args(arguments)
    out = options.out or (options.root / "sample.json" if options.root else None)
    if out is None or (options.endpoints is None and options.root is None):
        parser.error("give --endpoints and --out, or --root")
    place = place_in(options.endpoints) if options.endpoints else place_from_environment()
    try:
        load(place, out, lambda line: print(line, flush=True))
    except SampleFailed as failure:
        print(f"the sample could not be loaded: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    raise SystemExit(main())
