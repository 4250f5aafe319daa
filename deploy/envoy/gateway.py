"""What differs between one gateway and another: addresses, origins and trust. Everything else is the same code."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from messaging.routes import ROUTES as MESSAGING
from pims_sync.routes import ROUTES as PIMS_SYNC
from portal.routes import ROUTES as PORTAL
from referral.routes import ROUTES as REFERRAL
from scheduling.routes import ROUTES as SCHEDULING
from shared.chassis.routes import Route

Json = dict[str, Any]

ROUTE_TABLE: Mapping[str, tuple[Route, ...]] = {
    "messaging": MESSAGING,
    "pims-sync": PIMS_SYNC,
    "portal": PORTAL,
    "referral": REFERRAL,
    "scheduling": SCHEDULING,
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a process listens; a bare port means this machine."""

    host: str
    port: int

    @classmethod
    def parse(cls, value: str | int) -> "Address":
        """Read `9101`, `"9101"` or `"portal-api:8080"`. Raises ValueError for anything else."""
        host, _, port = str(value).rpartition(":")
        return cls(host or "127.0.0.1", int(port))

    @property
    def is_ip(self) -> bool:
        """False when the name has to be looked up."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of the gateway's own certificate, read when it starts."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One gateway. `metrics` opens a second door that serves the counters and nothing else."""

    services: Mapping[str, Address]
    listen: Address
    issuer: str
    audience: str
    admin: Address
    metrics: Address | None = None
    mailbox: Address | None = None
    origins: tuple[str, ...] = ()
    tls: Tls | None = None
    trusted_hops: int = 0
    rate_factor: float = 1.0
    table: Mapping[str, tuple[Route, ...]] = field(default_factory=lambda: ROUTE_TABLE)

    def __post_init__(self) -> None:
        unknown = self.services.keys() - self.table.keys()
        if unknown:
            raise ValueError(f"no route table for: {', '.join(sorted(unknown))}")
        if "portal" not in self.services:
            raise ValueError("portal publishes the keys that tokens are checked with: its address is needed")

    @property
    def routes(self) -> list[tuple[str, Route]]:
        """Every route of every service that has an address here, in the order in which they are tried."""
        return [(name, route) for name in sorted(self.services) for route in self.table[name]]


def typed(kind: str, **fields: Any) -> Json:
    """An extension's configuration: `kind` is its protobuf message."""
    return {"@type": f"type.googleapis.com/{kind}", **fields}


def seconds(value: float) -> str:
    """A duration in the form protobuf's JSON mapping wants, e.g. "0.5s"."""
    return f"{value:.3f}".rstrip("0").rstrip(".") + "s"
