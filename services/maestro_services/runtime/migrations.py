"""Brings a service's database to the newest version of its schema."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

import maestro_services

_VERSIONS = text("SELECT version_num FROM alembic_version")


def upgrade(connection: Connection, service: str) -> None:
    """Runs the migrations in `<service>/migrations/versions` that this database has not seen.

    All in the caller's transaction, so that a start that fails leaves the schema as it was. A migration's revision is
    the number that its file name begins with.
    """
    folder = Path(next(iter(maestro_services.__path__)), service, "migrations")
    newest = max(file.name.partition("_")[0] for file in folder.glob("versions/[0-9]*.py"))
    if inspect(connection).has_table("alembic_version") and connection.scalar(_VERSIONS) == newest:
        return
    _migrate(connection, folder)


def _migrate(connection: Connection, folder: Path) -> None:
    # Imported only when there is something to do: most starts find their database up to date.
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])

    def steps(revision: str, _context: MigrationContext) -> object:
        return scripts._upgrade_revs("head", revision)  # noqa: SLF001 (Alembic's own recipe for use as a library)

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=False)
        environment.run_migrations()
