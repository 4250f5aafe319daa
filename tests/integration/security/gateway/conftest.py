"""One running gateway for all of these tests: Envoy with the rendered configuration, stand-ins behind it."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.envoy.gateway import Gateway
from tests.integration.security.gateway.rig import Edge, Mint, Upstream, edge, free_port, gateway_to, upstream


@pytest.fixture(scope="package")
def mint() -> Mint:
    return Mint({"one": Ed25519PrivateKey.generate(), "two": Ed25519PrivateKey.generate()})


@pytest.fixture(scope="package")
def service(mint: Mint) -> Iterator[Upstream]:
    with upstream(mint) as server:
        yield server


@pytest.fixture(scope="package")
def absent_port() -> int:
    return free_port()


@pytest.fixture(scope="package")
def gateway(service: Upstream, absent_port: int) -> Gateway:
    return gateway_to(service.port, absent_port)


@pytest.fixture(scope="package")
def door(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with edge(gateway, tmp_path_factory.mktemp("gateway")) as running:
        yield running
