"""Ask this container's own process how it is: `python -m deploy.docker.probe /readyz`. Exits with 0 when it is well."""

import os
import sys
from http.client import HTTPConnection

TIMEOUT_SECONDS = 4.0


def well(port: int, path: str) -> bool:
    """True when the process answers 200 in time."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if well(int(os.environ["VETWIRE_PORT"]), sys.argv[1]) else 1)
