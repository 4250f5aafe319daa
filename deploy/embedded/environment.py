"""Make `.venv` what the lock files say: `python3 deploy/embedded/environment.py`. Quick when nothing has changed.

Runs before anything is installed, so: standard library only, and a syntax that any Python 3 can refuse politely.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
VENV = PROJECT / ".venv"
MARK = VENV / "lock.sha256"
BOOTSTRAP = PROJECT / "requirements-bootstrap.lock"
REQUIREMENTS = PROJECT / "requirements.lock"
OLDEST, TOO_NEW = (3, 11), (3, 14)
STARTED_MODULES = (
    "deploy.embedded.__main__",
    "deploy.embedded.mailbox",
    "deploy.embedded.eventstore.server",
    "shared.chassis.api_app",
    "shared.chassis.worker_app",
)
COMMAND = """#!{python}
import runpy
import sys

sys.path[0] = {project!r}
runpy.run_module("ops.vetwire", run_name="__main__", alter_sys=True)
"""
# uv does not read pip's configuration; a mirror or certificate configured for pip must hold for it too.
PIP_TO_UV = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "cert": "SSL_CERT_FILE"}


def main() -> None:
    """Exit code 1 with a sentence when this machine lacks something."""
    use_a_fitting_python()
    if not is_current():
        with only_one():
            if not is_current():
                build()
    write_commands()


def write_commands() -> None:
    """`.venv/bin/vetwire`, for any working directory: Vetwire is no package, it runs from its checkout."""
    command = VENV / "bin" / "vetwire"
    text = COMMAND.format(python=VENV / "bin" / "python", project=str(PROJECT))
    if not command.exists() or command.read_text() != text:
        unfinished = command.with_suffix(f".{os.getpid()}")
        unfinished.write_text(text)
        unfinished.chmod(0o755)
        unfinished.replace(command)


def use_a_fitting_python() -> None:
    """Start again with another python3.x from the PATH when this one does not fit."""
    if OLDEST <= sys.version_info[:2] < TOO_NEW:
        return
    for minor in range(TOO_NEW[1] - 1, OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            os.execv(found, [found, str(Path(__file__).resolve())])
    running = ".".join(map(str, sys.version_info[:3]))
    sys.exit(f"Vetwire needs Python 3.11, 3.12 or 3.13 on the PATH; this one is {running}.")


def fingerprint() -> str:
    version = ".".join(map(str, sys.version_info[:2])).encode()
    return hashlib.sha256(version + BOOTSTRAP.read_bytes() + REQUIREMENTS.read_bytes()).hexdigest()


def is_current() -> bool:
    return MARK.exists() and MARK.read_text() == fingerprint() and (VENV / "bin" / "python").exists()


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Two makes at once take turns."""
    with REQUIREMENTS.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build() -> None:
    MARK.unlink(missing_ok=True)
    print("preparing .venv from requirements.lock", flush=True)
    make_venv()
    run("installing uv", *pip(), "install", "--quiet", "--require-hashes", "-r", BOOTSTRAP)
    python, uv = VENV / "bin" / "python", VENV / "bin" / "uv"
    sync = (uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, REQUIREMENTS)
    run("installing the locked packages", *sync, env=uv_environment())
    warm_up()
    MARK.write_text(fingerprint())


def warm_up() -> None:
    """Compile what the first start needs, once: a dozen processes would each do it at the same time otherwise.

    (All 5,500 modules would take three times as long.) What fails here is told by the start itself.
    """
    python = VENV / "bin" / "python"
    commands = [(python, "-c", f"import {', '.join(STARTED_MODULES)}"), (python, "-m", "secantus", "--help")]
    for each in [_start_quietly(*command) for command in commands]:
        each.wait()


def _start_quietly(*command: object) -> "subprocess.Popen[bytes]":
    nowhere = subprocess.DEVNULL
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # writing it is what this is for
    return subprocess.Popen([*map(str, command)], cwd=PROJECT, env=env, stdout=nowhere, stderr=nowhere)


def make_venv() -> None:
    """Without a pip of its own where this Python has one, which saves some seconds."""
    if _version_of_venv() == sys.version_info[:2]:
        return
    without = ["--without-pip"] if has_pip() else []
    if not succeeds(sys.executable, "-m", "venv", "--clear", *without, VENV):
        sys.exit("python3 -m venv failed: on Debian and Ubuntu, apt-get install python3-venv")


def _version_of_venv() -> "tuple[int, ...]":
    config = VENV / "pyvenv.cfg"
    if not config.exists() or not (VENV / "bin" / "python").exists():
        return ()
    entries = dict(line.partition(" = ")[::2] for line in config.read_text().splitlines())
    return tuple(int(part) for part in entries.get("version", "0").split(".")[:2])


def has_pip() -> bool:
    """A pip that can install into another environment (22.3 and later)."""
    return succeeds(sys.executable, "-m", "pip", "--python", sys.executable, "--version", quiet=True)


def pip() -> "tuple[object, ...]":
    """The environment's own pip, else this Python's."""
    python = VENV / "bin" / "python"
    if succeeds(python, "-c", "import pip", quiet=True):
        return (python, "-m", "pip")
    return (sys.executable, "-m", "pip", "--python", python)


def uv_environment() -> "dict[str, str]":
    env = dict(os.environ)
    listed = subprocess.run([*map(str, pip()), "config", "list"], capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        name = PIP_TO_UV.get(key.rpartition(".")[2])
        if name and value:
            env.setdefault(name, value.strip("'\""))
    home = Path(env.get("XDG_CACHE_HOME") or Path.home())
    if not os.access(home, os.W_OK):
        env.setdefault("UV_NO_CACHE", "1")
    return env


def run(what: str, *command: object, env: "dict[str, str] | None" = None) -> None:
    if not succeeds(*command, env=env):
        sys.exit(f"{what} failed; the lines above say why")


def succeeds(*command: object, env: "dict[str, str] | None" = None, quiet: bool = False) -> bool:
    output = subprocess.DEVNULL if quiet else None
    return subprocess.run([*map(str, command)], env=env, check=False, stdout=output, stderr=output).returncode == 0


if __name__ == "__main__":
    main()
