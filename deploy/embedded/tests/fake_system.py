"""Small fake components, run like the real system: `python -m deploy.embedded.tests.fake_system --root DIR`."""

import argparse
import sys
from pathlib import Path

from deploy.embedded import probes
from deploy.embedded.components import Component
from deploy.embedded.session import run_session
from deploy.embedded.state import write_json

HOST = "127.0.0.1"
LISTEN = """
import signal, socket, sys
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    server.accept()[0].close()
"""
WITH_A_CHILD = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"


def listener(name: str, port: int, *words: str, after: tuple[str, ...] = (), before: str = "") -> Component:
    """A process that listens on `port`; the word `stubborn` makes it deaf to SIGTERM."""
    command = (sys.executable, "-c", before + LISTEN, str(port), *words)
    ready = probes.tcp(HOST, port)
    return Component(name, command, after=after, port=port, ready=ready, start_timeout=20, stop_timeout=0.5)


def job(name: str, code: str, after: tuple[str, ...] = ()) -> Component:
    return Component(name, (sys.executable, "-c", code), after=after, job=True, start_timeout=20)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--ports", type=int, nargs=2, required=True)
    options = parser.parse_args()
    first, second = options.ports
    components = [
        listener("server", first, before=WITH_A_CHILD),
        job("topics", "print('made')", after=("server",)),
        listener("service", second, after=("topics",)),
    ]
    return run_session(
        options.root,
        False,
        lambda _: components,
        lambda state, _: write_json(options.root / "endpoints.json", {"supervisor": state.pid}),
    )


if __name__ == "__main__":
    raise SystemExit(main())
