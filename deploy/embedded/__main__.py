"""`python -m deploy.embedded up|down|status`: the embedded system as one command."""

import argparse
import json
import os
import sys
from collections.abc import Sequence

from deploy.embedded.down import down
from deploy.embedded.options import BadOption, add_arguments, from_arguments
from deploy.embedded.state import is_locked, read_json
from deploy.embedded.up import up


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code; every refusal is one sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded", description=__doc__, allow_abbrev=False)
    parser.add_argument("action", choices=("up", "down", "status"))
    add_arguments(parser)
    parsed = parser.parse_args(arguments)
    try:
        options = from_arguments(parsed)
    except BadOption as problem:
        print(problem, file=sys.stderr)
        return 2
    if parsed.action == "up":
        return up(options)
    if parsed.action == "down":
        return down(options.root)
    state = read_json(options.root / "state.json")
    print(json.dumps({**state, "running": is_locked(options.root)}, indent=2))
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    raise SystemExit(main())
