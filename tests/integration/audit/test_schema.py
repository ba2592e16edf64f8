"""The migrations make what the tables say, on each database."""

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from maestro_services.audit.tables import metadata
from maestro_services.runtime.database import Database
from sqlalchemy import Connection


def difference(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/audit.db"
    return str(request.getfixturevalue("postgres_url"))


async def test_the_migrations_make_what_the_tables_say(url: str) -> None:
    database = Database(url, service="audit")
    await database.open()
    async with database.read() as connection:
        assert await connection.run_sync(difference) == []
    await database.close()
