"""That the benchmarks still run. What they measure is nobody's business here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import catalogue
from shared.testing.embedded_stack import PROJECT
from shared.testing.running import Servers


def python(*arguments: str) -> None:
    """In a process of its own: rows register event types that the product does not have."""
    done = subprocess.run([sys.executable, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_row_can_be_imported_and_says_what_it_needs() -> None:
    imports = "; ".join(f"import benchmarks.rows.{name} as m; assert callable(m.rows)" for name in catalogue.names())
    python("-c", imports)
    assert {catalogue.need_of(name) for name in catalogue.names()} == set(catalogue.NEEDS)


@pytest.mark.servers
@pytest.mark.parametrize("name", ["g6_relay", "g8_token"])
def test_a_quick_row_runs(name: str, servers: Servers, tmp_path: Path) -> None:
    at = tmp_path / "endpoints.json"
    names = {"eventstore": servers.eventstore, "kafka": servers.kafka, "mongodb": servers.mongodb}
    at.write_text(json.dumps({**names, "mailbox": {}, "servers": []}))
    python("-m", "benchmarks.row", name, "--quick", "--rounds", "1", "--at", str(at), "--results", str(tmp_path))
    found = json.loads((tmp_path / f"{name}.json").read_text())
    assert found["rows"]
    assert all(len(row["ratios"]) == 1 and row["ratios"][0] > 0 for row in found["rows"])
