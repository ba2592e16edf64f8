"""The inspection of the stored logs at the start: a service that cannot vouch for them does not serve them."""

from maestro_services.audit.checkpoints import checkpoint_of
from maestro_services.audit.domain.log import LogState
from maestro_services.audit.domain.merkle import HASH_BYTES, CompactRange, leaf_hash
from maestro_services.audit.domain.tiles import HEIGHT, WIDTH, LogDamageError, TileId, TileWriter
from maestro_services.audit.signer import LogSigner
from maestro_services.audit.store import AuditStore

# How many tiles of leaf hashes are held at a time.
_STRIDE = 16


class Inspection:
    """Builds a log's tree again from what is stored and compares every tile, the root, and the last checkpoint.

    The newest `leaves` leaves are hashed again; for those in front of them the hashes in the tiles are taken, which
    VerifyEvent checks one by one.
    """

    def __init__(self, store: AuditStore, signer: LogSigner, *, leaves: int) -> None:
        self._store = store
        self._signer = signer
        self._leaves = leaves

    async def run(self) -> None:
        """Inspects every log; LogDamageError names the first that is not what was written."""
        for state in await self._store.states():
            await self._inspect(state)

    async def _inspect(self, state: LogState) -> None:
        tree, signed = TileWriter(), CompactRange()
        checkpoint = checkpoint_of(state, self._signer.verifier_key(state.origin)) if state.note else None
        for start in range(0, state.size, _STRIDE * WIDTH):
            end = min(start + _STRIDE * WIDTH, state.size)
            for value in await self._leaf_hashes(state, start, end):
                tree.append(value)
                if checkpoint and signed.size < checkpoint.size:
                    signed.append(value)
        await self._compare_tiles(state, tree.finish())
        _require(tree.root() == state.root, state, "the stored root is not that of its events")
        if checkpoint is not None:
            _require(checkpoint.size <= state.size, state, "events that its last checkpoint covers are missing")
            _require(signed.root() == checkpoint.root, state, "its events are not those of its last checkpoint")

    async def _leaf_hashes(self, state: LogState, start: int, end: int) -> list[bytes]:
        tiles = await self._store.level(state.project, 0, start // WIDTH, -(-end // WIDTH))
        data = b"".join(tiles[tile] for tile in sorted(tiles))
        _require(len(data) == (end - start) * HASH_BYTES, state, f"leaf hashes {start} to {end - 1} are incomplete")
        hashes = [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
        first = max(start, state.size - self._leaves)
        if first < end:
            leaves = await self._store.leaves(state.project, first, end)
            _require(len(leaves) == end - first, state, f"events between {first} and {end - 1} are missing")
            for index, leaf in leaves:
                _require(hashes[index - start] == leaf_hash(leaf), state, f"event {index} is not what was appended")
        return hashes

    async def _compare_tiles(self, state: LogState, rebuilt: dict[TileId, bytes]) -> None:
        level, count = 0, state.size
        while count:
            stored = await self._store.level(state.project, level, 0, -(-count // WIDTH))
            expected = {tile: data for tile, data in rebuilt.items() if tile.level == level}
            wrong = sorted(tile for tile in stored.keys() | expected if stored.get(tile) != expected.get(tile))
            place = f"tile {wrong[0].position} of level {level}" if wrong else ""
            _require(not wrong, state, f"{place} is not what its events give")
            level, count = level + 1, count >> HEIGHT


def _require(condition: bool, state: LogState, message: str) -> None:
    if not condition:
        raise LogDamageError(f"projects/{state.project}: {message}")
