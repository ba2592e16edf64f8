"""A running registry and clients of it: a service of the mesh, the administrator, and whoever a test needs."""

from collections.abc import AsyncIterator, Callable

import pytest
from maestro_client import Maestro
from maestro_services.registry.compose import compose
from maestro_services.runtime.server import Running


@pytest.fixture
async def running(host) -> AsyncIterator[Running]:
    async with host(compose) as running:
        yield running


@pytest.fixture
async def client_of(running: Running) -> AsyncIterator[Callable[[str], Maestro]]:
    """Makes clients by their token."""
    made: list[Maestro] = []

    def make(token: str) -> Maestro:
        made.append(Maestro(running.address, token=token))
        return made[-1]

    yield make
    for client in made:
        await client.close()


@pytest.fixture
def admin(client_of: Callable[[str], Maestro], running: Running) -> Maestro:
    return client_of(running.token)


@pytest.fixture
def service(client_of: Callable[[str], Maestro], running: Running) -> Maestro:
    return client_of(running.platform.secret.token_for("audit"))
