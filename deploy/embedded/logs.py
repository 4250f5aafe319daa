"""One log file per component, capped: the last lines for people, the older half moved aside."""

import asyncio
import shutil
from pathlib import Path

LARGEST = 10 * 1024 * 1024
LOOK_EVERY = 5.0


def tail(path: Path, lines: int = 25) -> str:
    """The last lines, read from the end of the file."""
    if not path.exists():
        return "(no log)"
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - lines * 400))
        last = file.read().decode(errors="replace").splitlines()[-lines:]
    return "\n".join(f"  | {line}" for line in last) or "  | (empty)"


def cap(path: Path, largest: int = LARGEST) -> bool:
    """Copy a log that grew too large to `<name>.1` and empty it; its writer appends, so it goes on at the start."""
    if path.stat().st_size <= largest:
        return False
    shutil.copyfile(path, path.with_name(path.name + ".1"))
    with path.open("r+b") as file:
        file.truncate(0)
    return True


def cap_all(root: Path) -> None:
    """The components' logs and the supervisor's own."""
    for path in (*root.glob("*.log"), *(root / "logs").glob("*.log")):
        cap(path)


async def keep_capped(root: Path) -> None:
    """Never returns."""
    while True:
        await asyncio.sleep(LOOK_EVERY)
        cap_all(root)
