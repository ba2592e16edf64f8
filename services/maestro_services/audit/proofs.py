"""Proofs out of stored tiles."""

from maestro_services.audit.checkpoints import Checkpoints
from maestro_services.audit.domain.merkle import Range, consistency_path, inclusion_path
from maestro_services.audit.domain.proof import Consistency, Inclusion
from maestro_services.audit.domain.tiles import TileHashes, tiles_of
from maestro_services.audit.store import AuditStore
from maestro_services.runtime.errors import Reason, ServiceError, not_found


class Prover:
    """Proves what is in a log."""

    def __init__(self, store: AuditStore, checkpoints: Checkpoints) -> None:
        self._store = store
        self._checkpoints = checkpoints

    async def inclusion(self, project: str, event_id: str, size: int = 0) -> Inclusion:
        """Proves that an event is in the tree of `size`, 0 for that of the checkpoint."""
        entry = await self._store.entry(project, event_id)
        if entry is None:
            raise not_found(f"projects/{project}/events/{event_id}")
        log = await self._checkpoints.newest(project, covering=max(size, entry.log_index + 1))
        size, newest = size or log.size, log.size
        if not entry.log_index < size <= newest:
            raise _out_of_range(size, f"between {entry.log_index + 1} and {newest}")
        hashes = await self.hashes(project, inclusion_path(entry.log_index, size))
        return Inclusion(entry.leaf, entry.log_index, size, hashes, log)

    async def consistency(self, project: str, first: int, second: int = 0) -> Consistency:
        """Proves that the tree of `second`, 0 for that of the checkpoint, begins with the tree of `first`."""
        log = await self._checkpoints.newest(project)
        second, newest = second or log.size, log.size
        if not first <= second <= newest:
            raise _out_of_range(max(first, second), f"in order and at most {newest}")
        hashes = await self.hashes(project, consistency_path(Range(0, first), second))
        return Consistency(first, second, hashes, log)

    async def hashes(self, project: str, path: list[Range]) -> list[bytes]:
        """The roots of subtrees."""
        tiles = TileHashes(await self._store.tiles(project, tiles_of(path)))
        return [tiles.root(subtree) for subtree in path]


def _out_of_range(size: int, rule: str) -> ServiceError:
    return ServiceError(Reason.LOG_RANGE, f"the tree size must be {rule}, not {size}", size=str(size))
