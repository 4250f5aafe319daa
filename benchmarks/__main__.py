"""`python -m benchmarks [name ...]`: run every benchmark, or those named, one after another.

A benchmark is a module whose docstring names its results file, `benchmarks/results/<name>.json`.
"""

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent


def names(folder: Path = FOLDER) -> list[str]:
    """Read, not imported: a benchmark may need servers that are not there."""
    return sorted(path.stem for path in folder.glob("[a-z]*.py") if writes_results(path))


def writes_results(path: Path) -> bool:
    return f"results/{path.stem}.json" in (ast.get_docstring(ast.parse(path.read_text())) or "")


def main(wanted: Sequence[str]) -> int:
    """Exit code 0 when every one that ran did; 2 for a name that is no benchmark."""
    known = names()
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    failed = [name for name in wanted or known if run(name)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run(name: str) -> int:
    print(f"\n== {name}", flush=True)
    return subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
