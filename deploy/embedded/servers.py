"""Only the servers, in the foreground: event store, Kafka, MongoDB, mailbox.

`python -m deploy.embedded.servers --root DIR [--broker noida] [--only kafka,mongodb]` writes DIR/endpoints.json when
all are ready and stops them on Ctrl-C or SIGTERM.
"""

import argparse
import sys
from collections.abc import Sequence

from deploy.embedded.display import Display
from deploy.embedded.endpoints import server_endpoints, summary, write_endpoints
from deploy.embedded.options import USUAL_PORTS, BadOption, Options, add_arguments, from_arguments
from deploy.embedded.ports import PortTaken, choose
from deploy.embedded.servers_plan import addresses, server_components
from deploy.embedded.session import run_session
from deploy.embedded.state import AlreadyRunning, SystemState


def run(options: Options, only: Sequence[str] = ()) -> int:
    """Exit code: 0 after a signal, 1 when a server cannot start. Raises PortTaken, AlreadyRunning."""
    usual = dict.fromkeys(USUAL_PORTS) if options.any_ports else USUAL_PORTS
    ports = choose(usual, options.ports)
    components = [each for each in server_components(options, ports) if not only or each.name in only]

    def when_ready(_: SystemState, display: Display) -> None:
        started = [component.name for component in components]
        content = server_endpoints(options, addresses(options, ports), started)
        write_endpoints(options.root, content)
        display.settle()
        display.say(f"ready\n{summary(content)}")

    return run_session(options.root, options.fresh, lambda _: components, when_ready)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--only", default="", help="names of the servers to start, with commas; default all")
    parsed = parser.parse_args(arguments)
    try:
        return run(from_arguments(parsed), [name for name in parsed.only.split(",") if name])
    except (BadOption, PortTaken) as problem:
        print(problem, file=sys.stderr)
    except AlreadyRunning as running:
        print(f"servers already run under {running}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
