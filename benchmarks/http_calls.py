"""An HTTP/1.1 client that costs next to nothing, so that what is measured is the server."""

import asyncio


class Line:
    """A connection that is kept open, and opened again when the server has closed it meanwhile."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader = asyncio.StreamReader()
        self._writer: asyncio.StreamWriter | None = None

    async def call(self, request: bytes) -> int:
        """The status of the answer, once its whole body is there."""
        if self._writer is None or self._reader.at_eof():
            self.close()
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        await self._reader.readexactly(length)
        return int(head[9:12])

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


async def listens(port: int) -> bool:
    """Whether a server takes connections there."""
    try:
        (await asyncio.open_connection("127.0.0.1", port))[1].close()
    except OSError:
        return False
    return True


def request(method: str, path: str, token: str, **headers: str) -> bytes:
    """Without a body. Underscores in names of headers are dashes."""
    given = {"host": "bench", "authorization": f"Bearer {token}", **headers}
    if method != "GET":
        given["content-length"] = "0"
    lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, "", ""]).encode()
