"""Makes the folder that an action works on from its input tree."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from maestro.common.v1 import digest_pb2
from maestro_client.tree import Tree, TreeError, load_tree

from maestro_services.worker.blobs import BlobCache

# The modification time of every file of every tree: two runs of one tree see the same.
_FIXED_TIME = 1_000_000_000

Locate = Callable[[digest_pb2.Digest], Path]


async def materialize(blobs: BlobCache, parent: str, root: digest_pb2.Digest, folder: Path) -> None:
    """Writes the tree below `root` into an empty folder.

    Files are copies, so that an action may change them. Raises TreeError for a tree that leads out of itself,
    NotFound and DigestMismatch for blobs that are not there.
    """
    tree = await load_tree(lambda digest: blobs.read(parent, digest), root)
    for path, target in tree.symlinks.items():
        _check_link(path, target)
    async with blobs.holding(parent, (entry.digest for entry in tree.files.values())) as locate:
        await asyncio.to_thread(_write, tree, folder, locate)


def _write(tree: Tree, folder: Path, locate: Locate) -> None:
    for directory in sorted(_directories(tree)):
        (folder / directory).mkdir(exist_ok=True)
    for path, entry in tree.files.items():
        _copy(locate(entry.digest), folder / path, 0o755 if entry.executable else 0o644)
    # Links come last: nothing is ever written through one.
    for path, target in tree.symlinks.items():
        (folder / path).symlink_to(target)


def _directories(tree: Tree) -> set[PurePosixPath]:
    paths = [*tree.files, *tree.symlinks]
    found = {parent for path in paths for parent in PurePosixPath(path).parents}
    for path in tree.empty_directories:
        found |= {PurePosixPath(path), *PurePosixPath(path).parents}
    return found


def _copy(source: Path, target: Path, mode: int) -> None:
    reader = os.open(source, os.O_RDONLY)
    writer = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        while os.sendfile(writer, reader, None, 1 << 30):
            pass
        os.fchmod(writer, mode)
        os.utime(writer, (_FIXED_TIME, _FIXED_TIME))
    finally:
        os.close(reader)
        os.close(writer)


def _check_link(path: str, target: str) -> None:
    depth = path.count("/")
    for part in _parts(path, target):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            raise TreeError(path, f"links to {target}, which lies outside the tree")


def _parts(path: str, target: str) -> Iterator[str]:
    if target.startswith("/"):
        raise TreeError(path, f"links to the absolute path {target}")
    yield from target.split("/")
