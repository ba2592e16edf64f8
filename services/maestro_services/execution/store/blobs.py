"""Which project has which blobs."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from maestro_services.execution.domain.tree import BlobRef
from maestro_services.execution.tables import blobs
from maestro_services.runtime.clock import Clock
from maestro_services.runtime.database import Database

_DIGESTS_A_QUERY = 5000


class BlobStore:
    """A blob is visible to a project from when it is granted to it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def grant(self, project: str, granted: Iterable[BlobRef]) -> None:
        """Makes stored blobs visible to a project; those that are so already stay."""
        unique = list(dict.fromkeys(granted))
        if not unique:
            return
        missing = await self.missing(project, unique)
        if not missing:
            return
        now = self._clock()
        rows = [
            {"project": project, "sha256": blob.sha256, "size_bytes": blob.size_bytes, "create_time": now}
            for blob in missing
        ]
        async with self._database.write() as transaction:
            dialect = postgresql if transaction.connection.dialect.name == "postgresql" else sqlite
            # Another call may have granted them meanwhile.
            await transaction.execute(dialect.insert(blobs).on_conflict_do_nothing(), rows)

    async def missing(self, project: str, wanted: Sequence[BlobRef]) -> list[BlobRef]:
        """Those of the blobs that the project does not have, each once, in the order given."""
        unique = list(dict.fromkeys(wanted))
        present: set[BlobRef] = set()
        async with self._database.read() as connection:
            for start in range(0, len(unique), _DIGESTS_A_QUERY):
                some = [blob.sha256 for blob in unique[start : start + _DIGESTS_A_QUERY]]
                statement = select(blobs.c.sha256, blobs.c.size_bytes).where(
                    blobs.c.project == project, blobs.c.sha256.in_(some)
                )
                present.update(BlobRef(*row) for row in (await connection.execute(statement)).all())
        return [blob for blob in unique if blob not in present]
