"""Tiles: how the hashes of a tree are stored, 256 at a time (C2SP tlog-tiles).

Level 0 holds the leaf hashes; every hash of a level above is the root of one full tile below. A partial tile is the
beginning of the full one, and stands for every width that the log ever had there.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from maestro_services.audit.domain.merkle import HASH_BYTES, CompactRange, Node, Range, node_hash, nodes, root_of
from maestro_services.runtime.errors import Reason, ServiceError

HEIGHT = 8
WIDTH = 1 << HEIGHT


class LogDamageError(ServiceError):
    """The stored log is not what was once written."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.LOG_DAMAGED, f"the stored log is damaged: {detail}", detail=detail)


class TileId(NamedTuple):
    """The tile at `position`, from 0, of its level."""

    level: int
    position: int


def tile_of(node: Node) -> TileId:
    """The tile in which a node's hash stands or can be computed."""
    level, rest = divmod(node.height, HEIGHT)
    return TileId(level, node.position << rest >> HEIGHT)


def tiles_of(subtrees: Iterable[Range]) -> set[TileId]:
    """The tiles that the roots of these subtrees are computed from."""
    return {tile_of(node) for subtree in subtrees for node in nodes(subtree)}


class TileHashes:
    """Reads the hashes of nodes out of tiles."""

    def __init__(self, tiles: Mapping[TileId, bytes]) -> None:
        self._tiles = tiles

    def node(self, node: Node) -> bytes:
        """The hash of a node; LogDamageError if its tile is missing or too short."""
        tile, rest = tile_of(node), node.height % HEIGHT
        first = (node.position << rest) % WIDTH * HASH_BYTES
        data = self._tiles.get(tile, b"")[first : first + (HASH_BYTES << rest)]
        if len(data) != HASH_BYTES << rest:
            raise LogDamageError(f"tile {tile.position} of level {tile.level} is missing or too short")
        return _root_of_row(data)

    def root(self, subtree: Range) -> bytes:
        """The root of a subtree."""
        return root_of(subtree, self.node)


def edge(size: int) -> list[TileId]:
    """The partial tiles of a tree of so many leaves: those that its growth changes."""
    found, level = [], 0
    while size >> HEIGHT * level:
        count = size >> HEIGHT * level
        if count % WIDTH:
            found.append(TileId(level, count // WIDTH))
        level += 1
    return found


class TileWriter:
    """Grows a tree from its edge, and knows which tiles that changes."""

    def __init__(self, size: int = 0, edge_tiles: Mapping[TileId, bytes] | None = None) -> None:
        tiles = edge_tiles or {}
        hashes = TileHashes(tiles)
        self._range = CompactRange(size, [hashes.node(node) for node in nodes(Range(0, size))])
        self._open = {tile.level: bytearray(tiles[tile]) for tile in edge(size)}
        self.changed: dict[TileId, bytes] = {}

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return self._range.size

    def root(self) -> bytes:
        """The root of the tree so far."""
        return self._range.root()

    def append(self, leaf: bytes) -> None:
        """Adds the hash of the next leaf."""
        self._add(0, self.size, leaf)
        self._range.append(leaf)

    def finish(self) -> dict[TileId, bytes]:
        """The changed tiles as they now are."""
        self.changed |= {tile: bytes(self._open[tile.level]) for tile in edge(self.size)}
        return self.changed

    def _add(self, level: int, index: int, value: bytes) -> None:
        data = self._open.setdefault(level, bytearray())
        data += value
        if len(data) == WIDTH * HASH_BYTES:
            tile = TileId(level, index // WIDTH)
            self.changed[tile] = bytes(self._open.pop(level))
            self._add(level + 1, tile.position, _root_of_row(self.changed[tile]))


def _root_of_row(data: bytes) -> bytes:
    """The root above hashes that stand side by side; their number is a power of two."""
    row = [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
    while len(row) > 1:
        row = [node_hash(*pair) for pair in zip(row[::2], row[1::2], strict=True)]
    return row[0]
