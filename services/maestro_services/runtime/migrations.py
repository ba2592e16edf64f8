"""Brings a service's database to the newest version of its schema."""

from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

import maestro_services


def _scripts(service: str) -> ScriptDirectory:
    folder = Path(next(iter(maestro_services.__path__)), service, "migrations")
    return ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])


def upgrade(connection: Connection, service: str) -> None:
    """Runs the migrations in `<service>/migrations/versions` that this database has not seen.

    All in the caller's transaction, so that a start that fails leaves the schema as it was.
    """
    scripts = _scripts(service)
    head = scripts.get_current_head()
    if MigrationContext.configure(connection).get_current_revision() == head:
        return

    def steps(revision: str, _context: MigrationContext) -> object:
        return scripts._upgrade_revs("head", revision)  # noqa: SLF001 (Alembic's own recipe for use as a library)

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=False)
        environment.run_migrations()
