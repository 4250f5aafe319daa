"""`python -m tests.mutation [subject ...] [--fresh] [--workers N] [--minutes M]`: mutate, test, write docs/mutation.md.

What neither changed nor survived last time is not run again; --fresh forgets what is known. A subject that takes more
than M minutes is left as it is, and the next run goes on with it. Exit code 1 when a mutant survived that
`explained.toml` does not explain, or when mutmut itself failed.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from time import monotonic

from deploy.embedded.ports import free_port
from tests.architecture.sources import ROOT
from tests.mutation.report import Outcome, explanations, unexplained, write_page
from tests.mutation.subjects import SUBJECTS
from tests.mutation.tree import Tree

BIN = ROOT / ".venv" / "bin"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("subjects", nargs="*", choices=[*SUBJECTS, []], default=[], metavar="subject")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=60)
    chosen = parser.parse_args(arguments)
    outcomes = [run(name, chosen) for name in chosen.subjects or SUBJECTS]
    write_page(outcomes)
    left = [mutant for outcome in outcomes for mutant in unexplained(outcome, explanations())]
    for mutant in left:
        print(f"\nsurvived, and nobody says why: {mutant.name}\n{mutant.change}", file=sys.stderr)
    return 1 if left else 0


def run(name: str, chosen: argparse.Namespace) -> Outcome:
    """Mutate one subject. SystemExit when mutmut fails, which it does when a test fails without any mutant."""
    tree = Tree(name)
    if chosen.fresh:
        shutil.rmtree(tree.folder, ignore_errors=True)
    tree.lay_out()
    tree.forget_survivors()
    print(f"== {name}: {len(tree.modules())} modules", flush=True)
    with servers(tree) as env:
        begun = monotonic()
        if mutate(tree, env, chosen.workers, chosen.minutes * 60):
            sys.exit(f"mutmut failed: see {tree.folder.relative_to(ROOT)}/mutmut.log")
        return Outcome.read(name, tree, env, monotonic() - begun)


def mutate(tree: Tree, env: Mapping[str, str], workers: int, seconds: float) -> int:
    """mutmut's exit code; 0 as well when its time was over."""
    command = lowly(BIN / "mutmut", "run", "--max-children", workers)
    with (tree.folder / "mutmut.log").open("wb") as output:
        group = subprocess.Popen(
            command, cwd=tree.folder, env=env, stdout=output, stderr=output, start_new_session=True
        )
        try:
            return group.wait(seconds)
        except subprocess.TimeoutExpired:
            print(f"not finished within {seconds / 60:.0f} minutes: the next run goes on", flush=True)
            return 0
        finally:
            # Its server and the mutants under way too, also after Ctrl-C. Each result was saved when it came.
            with suppress(ProcessLookupError):
                os.killpg(group.pid, signal.SIGTERM)
            group.wait()


def lowly(*command: object) -> list[str]:
    """A command that lets everybody else go first."""
    return ["nice", "-n", "15", *map(str, command)]


@contextmanager
def servers(tree: Tree) -> Iterator[dict[str, str]]:
    """The environment for the tests: one MongoDB for all mutants where they need it, each with databases of its own."""
    # CI makes hypothesis draw the same examples each time, however slow the machine is at the moment.
    given = {"CI": "true", "VETWIRE_EVENTSTORE": "none", "VETWIRE_KAFKA": "none", "VETWIRE_MONGODB": "none"}
    if not tree.subject.needs_mongodb:
        yield {**os.environ, **given}
        return
    port, storage = free_port(), tree.folder / "mongodb"
    shutil.rmtree(storage, ignore_errors=True)
    options = ("--port", port, "--storage-path", storage, "--cache-size", "64M", "--log-level", "ERROR")
    quiet = subprocess.DEVNULL  # mutants ask it for the oddest things, and it tells of each
    with subprocess.Popen(lowly(BIN / "secantusd-py", *options), stdout=quiet, stderr=quiet) as server:
        try:
            uri = f"mongodb://127.0.0.1:{port}/?retryWrites=false&directConnection=true"
            yield {**os.environ, **given, "VETWIRE_MONGODB": uri}
        finally:
            server.terminate()
    shutil.rmtree(storage, ignore_errors=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
