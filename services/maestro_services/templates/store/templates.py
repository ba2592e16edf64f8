"""Templates and versions in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, and_, insert, select, text, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from maestro_services.runtime.database import Database, Transaction
from maestro_services.runtime.errors import Reason, ServiceError, not_found
from maestro_services.runtime.ids import new_uid
from maestro_services.templates.domain.files import File
from maestro_services.templates.domain.semver import SemanticVersion, latest
from maestro_services.templates.domain.template import BUILT_IN_PROJECT, Template, TemplateVersion
from maestro_services.templates.store import rows, search
from maestro_services.templates.store.search import Hit
from maestro_services.templates.tables import blobs, files, templates, versions

LATEST = "latest"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext(:key))")


@dataclass(frozen=True)
class Found:
    """A template that a search found, and how well it matches."""

    template: Template
    score: float


class TemplateStore:
    """Reads and writes templates. What a project sees is its own and the built-in ones."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def get_template(self, project: str, template: str) -> Template:
        """A template, or RESOURCE_NOT_FOUND."""
        async with self.database.read() as connection:
            return await self._template(connection, project, template)

    async def get_version(self, project: str, template: str, version: str) -> TemplateVersion:
        """A version, or the latest one for `latest`; RESOURCE_NOT_FOUND if there is none."""
        async with self.database.read() as connection:
            found = await self._template(connection, project, template)
            if version == LATEST:
                version = str(found.latest_version)
            key = {"project": found.project, "template": template, "version": version}
            row = (await connection.execute(select(versions).where(*_equal(versions, key)))).one_or_none()
        if row is None:
            raise not_found(f"projects/{project}/templates/{template}/versions/{version}")
        return rows.version(row)

    async def files_of(self, version: TemplateVersion) -> list[File]:
        """The files of a version, by path."""
        statement = (
            select(files.c.path, files.c.executable, blobs.c.content)
            .where(*_equal(files, _version_key(version)))
            .join(blobs, and_(blobs.c.project == files.c.project, blobs.c.sha256 == files.c.sha256))
            .order_by(files.c.path)
        )
        async with self.database.read() as connection:
            found = (await connection.execute(statement)).all()
        return [File(row.path, bytes(row.content), row.executable) for row in found]

    async def list_templates(
        self, project: str, condition: ColumnElement[bool] | None, after: Sequence[str | int], limit: int
    ) -> list[Template]:
        """Templates by id, behind a position."""
        order = tuple_(templates.c.template, templates.c.project)
        statement = select(templates).where(_visible(project)).order_by(templates.c.template, templates.c.project)
        if condition is not None:
            statement = statement.where(condition)
        if after:
            statement = statement.where(order > tuple_(*after))
        async with self.database.read() as connection:
            return [rows.template(row) for row in await connection.execute(statement.limit(limit))]

    async def list_versions(self, template: Template, below: str, limit: int) -> list[TemplateVersion]:
        """Versions of a template, highest first, below a sort key if one is given."""
        key = {"project": template.project, "template": template.template}
        statement = select(versions).where(*_equal(versions, key)).order_by(versions.c.sort_key.desc()).limit(limit)
        if below:
            statement = statement.where(versions.c.sort_key < below)
        async with self.database.read() as connection:
            return [rows.version(row) for row in await connection.execute(statement)]

    async def search(self, project: str, query: str, offset: int, limit: int) -> list[Found]:
        """What matches the words, best first."""
        async with self.database.read() as connection:
            hits = await search.find(connection, project, query, offset, limit)
            return [Found(await self._hit(connection, hit), hit.score) for hit in hits]

    async def insert(self, transaction: Transaction, version: TemplateVersion, content: Sequence[File]) -> None:
        """Adds a version with its files; RESOURCE_EXISTS if it is there, or if its template is a built-in one."""
        await self._take_turn(transaction, version)
        await self._refuse_existing(transaction.connection, version)
        await transaction.execute(insert(versions), rows.version_row(version))
        key = {"project": version.project}
        dialect = postgresql if self.database.shared else sqlite
        contents = [key | {"sha256": file.sha256, "content": file.content} for file in content]
        await transaction.execute(dialect.insert(blobs).on_conflict_do_nothing(), contents)
        entries = [
            _version_key(version) | {"path": file.path, "sha256": file.sha256, "executable": file.executable}
            for file in content
        ]
        await transaction.execute(insert(files), entries)
        if await self._refresh_template(transaction, version):
            await search.index(transaction.connection, version)

    async def _take_turn(self, transaction: Transaction, version: TemplateVersion) -> None:
        """Lets one writer of a template pass at a time; on SQLite writers take turns anyway."""
        if self.database.shared:
            await transaction.execute(_LOCK, {"key": f"template {version.project}/{version.template}"})

    async def refuse_existing(self, version: TemplateVersion) -> None:
        """RESOURCE_EXISTS if the version cannot be inserted."""
        async with self.database.read() as connection:
            await self._refuse_existing(connection, version)

    async def _refuse_existing(self, connection: AsyncConnection, version: TemplateVersion) -> None:
        name = f"projects/{version.project}/templates/{version.template}"
        if not version.built_in and await self._row(connection, BUILT_IN_PROJECT, version.template):
            message = f"template {version.template} is a built-in one; choose another id"
            raise ServiceError(Reason.RESOURCE_EXISTS, message, name=name)
        same = select(versions.c.uid).where(*_equal(versions, _version_key(version)))
        if (await connection.execute(same)).first():
            name = f"{name}/versions/{version.manifest.version}"
            raise ServiceError(Reason.RESOURCE_EXISTS, f"{name} exists already", name=name)

    async def _refresh_template(self, transaction: Transaction, version: TemplateVersion) -> bool:
        """Makes the template show its latest version; answers whether that is this one."""
        row = await self._row(transaction.connection, version.project, version.template)
        key = {"project": version.project, "template": version.template}
        time, shown = rows.microseconds(version.create_time), _shown(version)
        if row is None:
            first = {"uid": new_uid(), "version_count": 1, "create_time": time, "update_time": time}
            await transaction.execute(insert(templates), key | first | shown)
            return True
        newer = latest([version.manifest.version, SemanticVersion.parse(row["latest_version"])])
        changes = {"version_count": row["version_count"] + 1, "update_time": time}
        is_latest = newer == version.manifest.version
        statement = update(templates).where(*_equal(templates, key))
        await transaction.execute(statement.values(changes | (shown if is_latest else {})))
        return is_latest

    async def _row(self, connection: AsyncConnection, project: str, template: str) -> RowMapping | None:
        statement = select(templates).where(*_equal(templates, {"project": project, "template": template}))
        return (await connection.execute(statement)).mappings().one_or_none()

    async def _template(self, connection: AsyncConnection, project: str, template: str) -> Template:
        statement = select(templates).where(_visible(project), templates.c.template == template)
        row = (await connection.execute(statement.order_by(templates.c.project.desc()))).first()
        if row is None:
            raise not_found(f"projects/{project}/templates/{template}")
        return rows.template(row)

    async def _hit(self, connection: AsyncConnection, hit: Hit) -> Template:
        key = {"project": hit.project, "template": hit.template}
        return rows.template((await connection.execute(select(templates).where(*_equal(templates, key)))).one())


def _equal(table: Table, key: Mapping[str, str]) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.items()]


def _visible(project: str) -> ColumnElement[bool]:
    return templates.c.project.in_((project, BUILT_IN_PROJECT))


def _version_key(version: TemplateVersion) -> dict[str, str]:
    return {"project": version.project, "template": version.template, "version": str(version.manifest.version)}


def _shown(version: TemplateVersion) -> dict[str, Any]:
    """What a template says of itself when this is its latest version."""
    return {
        "display_name": version.manifest.display_name,
        "description": version.manifest.description,
        "keywords": list(version.manifest.keywords),
        "labels": dict(version.labels),
        "latest_version": str(version.manifest.version),
    }
