"""A service's database on each engine that there is."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from maestro_services.runtime.database import Database

Open = Callable[..., Database]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}"


@pytest.fixture
async def connect(database_url: str) -> AsyncIterator[Open]:
    """Makes databases over the same data, as processes would; opened by the test."""
    made: list[Database] = []

    def make(**options: object) -> Database:
        made.append(Database(database_url, service="registry", **options))
        return made[-1]

    yield make
    for database in made:
        await database.close()


@pytest.fixture
async def database(connect: Open) -> Database:
    """An opened database."""
    database = connect()
    await database.open()
    return database
