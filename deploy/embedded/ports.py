"""Ports: the one that was asked for, else the usual one when free, else any free one."""

import contextlib
import random
import socket
from collections.abc import Iterable, Mapping

import psutil

# Below the kernel's range for outgoing connections: there, a client that reconnects to a killed server can be given
# the server's own port and then talk to itself, and the restarted server finds its port taken.
FREE_RANGE = range(20_000, 32_000)


class PortTaken(Exception):
    """A port that was asked for by name is in use."""


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((host, port))
        except OSError:
            return False
        return True


def free_port(host: str = "127.0.0.1", taken: Iterable[int] = ()) -> int:
    """Some port that is free now and not in `taken`."""
    avoid = set(taken)
    for port in random.sample(FREE_RANGE, len(FREE_RANGE)):
        if port not in avoid and is_free(port, host):
            return port
    raise PortTaken(f"no free port from {FREE_RANGE.start} to {FREE_RANGE.stop}")


def choose(usual: Mapping[str, int | None], asked: Mapping[str, int], host: str = "127.0.0.1") -> dict[str, int]:
    """One port for each name of `usual` (None: any). Raises PortTaken for an asked one that is in use."""
    chosen: dict[str, int] = {}
    for name in sorted(usual, key=lambda each: each not in asked):
        chosen[name] = _one(name, usual[name], asked.get(name), host, set(chosen.values()))
    return chosen


def _one(name: str, usual: int | None, asked: int | None, host: str, taken: set[int]) -> int:
    if asked is not None:
        if asked in taken or not is_free(asked, host):
            raise PortTaken(f"port {asked}, asked for by {name}, is taken{_by(asked)}")
        return asked
    if usual is not None and usual not in taken and is_free(usual, host):
        return usual
    return free_port(host, taken)


def _by(port: int) -> str:
    """Who listens there, as far as this user may know."""
    with contextlib.suppress(psutil.Error, OSError):
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr[1:] == (port,) and each.pid:
                return f" by {psutil.Process(each.pid).name()} (process {each.pid})"
    return ""
