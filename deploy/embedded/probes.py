"""Readiness seen from outside: each probe returns when the server answers in its own protocol, or raises OSError."""

import asyncio
import struct
import sys
from collections.abc import Awaitable, Callable

Probe = Callable[[], Awaitable[None]]
ANSWER_WITHIN = 3.0


class NotReady(OSError):
    """The server answered, but not as one that is ready."""


async def _exchange(host: str, port: int, request: bytes, size: int) -> bytes:
    """Send `request` and return the first `size` bytes of the answer."""
    async with asyncio.timeout(ANSWER_WITHIN):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(request)
            return await reader.readexactly(size)
        except asyncio.IncompleteReadError as error:
            raise NotReady(f"{host}:{port} hung up") from error
        finally:
            writer.close()


def tcp(host: str, port: int) -> Probe:
    """Somebody listens."""

    async def probe() -> None:
        await _exchange(host, port, b"", 0)

    return probe


def http(host: str, port: int, path: str) -> Probe:
    """GET `path` answers 2xx."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()

    async def probe() -> None:
        status = await _exchange(host, port, request, len("HTTP/1.1 200"))
        if not status.split(b" ")[1].startswith(b"2"):
            raise NotReady(f"{path} answers {status.decode(errors='replace')}")

    return probe


def kafka(host: str, port: int) -> Probe:
    """The broker answers ApiVersions v0 (api key 18) with error code 0: it is past its own start."""
    body = struct.pack(">hhih", 18, 0, 1, 7) + b"vetwire"
    request = struct.pack(">i", len(body)) + body

    async def probe() -> None:
        _, _, error = struct.unpack(">iih", await _exchange(host, port, request, 10))
        if error:
            raise NotReady(f"ApiVersions answers error {error}")

    return probe


def mongodb(host: str, port: int) -> Probe:
    """The server answers OP_MSG (2013) with the command `ping`."""
    elements = b"\x10ping\x00" + struct.pack("<i", 1) + b"\x02$db\x00" + struct.pack("<i", 6) + b"admin\x00"
    document = struct.pack("<i", len(elements) + 5) + elements + b"\x00"
    body = struct.pack("<ib", 0, 0) + document
    request = struct.pack("<iiii", len(body) + 16, 1, 0, 2013) + body

    async def probe() -> None:
        _, _, answered, code = struct.unpack("<iiii", await _exchange(host, port, request, 16))
        if (answered, code) != (1, 2013):
            raise NotReady(f"ping answers operation {code}")

    return probe


async def until_it_passes(probe: Probe, every: float = 0.1) -> None:
    """Ask again and again; the caller bounds the time."""
    while True:
        try:
            return await probe()
        except OSError:  # includes TimeoutError and NotReady
            await asyncio.sleep(every)


async def _wait_for_kafka(address: str) -> None:
    host, _, port = address.rpartition(":")
    await until_it_passes(kafka(host, int(port)), every=0.5)


if __name__ == "__main__":
    asyncio.run(_wait_for_kafka(sys.argv[-1]))
