"""The blobs that this worker has read, kept for the next action."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from maestro.common.v1 import digest_pb2
from maestro_client.tree import Artifacts, download_file

_MAX_DOWNLOADS = 16


class BlobCache:
    """Blobs by content in a folder of bounded size; those that were not used for longest go first.

    Every blob was verified when it came, and no action can reach the folder. One process owns it.
    """

    def __init__(self, directory: Path, artifacts: Artifacts, max_bytes: int) -> None:
        self._directory = directory
        self._artifacts = artifacts
        self._max_bytes = max_bytes
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._total_bytes = 0
        self._downloads = asyncio.Semaphore(_MAX_DOWNLOADS)
        self._coming: dict[str, asyncio.Task[None]] = {}
        self._holders = 0

    def open(self) -> None:
        """Finds what an earlier process of this worker left, in the order of its last use."""
        self._directory.mkdir(parents=True, exist_ok=True)
        found = []
        for path in self._directory.glob("??/*"):
            if path.name.startswith("."):
                path.unlink()
            else:
                status = path.stat()
                found.append((status.st_mtime, path.name, status.st_size))
        for _, sha256, size in sorted(found):
            self._sizes[sha256] = size
            self._total_bytes += size

    @asynccontextmanager
    async def holding(
        self, parent: str, digests: Iterable[digest_pb2.Digest]
    ) -> AsyncIterator[Callable[[digest_pb2.Digest], Path]]:
        """Has all these blobs on disk for as long as the context lasts; yields what tells the file of each.

        Raises NotFound, DigestMismatch and what else a download raises. The files must not be changed.
        """
        wanted = {digest.sha256: digest for digest in digests}
        self._holders += 1
        try:
            await asyncio.gather(*(self._fetch(parent, digest) for digest in wanted.values() if not self._has(digest)))
            yield self._path
        finally:
            self._holders -= 1
            if not self._holders:
                self._trim()

    async def read(self, parent: str, digest: digest_pb2.Digest) -> bytes:
        """The content of a blob."""
        async with self.holding(parent, [digest]) as path:
            return path(digest).read_bytes()

    def _path(self, digest: digest_pb2.Digest) -> Path:
        return self._directory / digest.sha256[:2] / digest.sha256

    def _has(self, digest: digest_pb2.Digest) -> bool:
        if self._sizes.get(digest.sha256) != digest.size_bytes:
            return False
        self._sizes.move_to_end(digest.sha256)
        return True

    async def _fetch(self, parent: str, digest: digest_pb2.Digest) -> None:
        coming = self._coming.get(digest.sha256)
        if coming is None:
            coming = self._coming[digest.sha256] = asyncio.create_task(self._download(parent, digest))
            coming.add_done_callback(lambda _: self._coming.pop(digest.sha256, None))
        await asyncio.shield(coming)

    async def _download(self, parent: str, digest: digest_pb2.Digest) -> None:
        path = self._path(digest)
        path.parent.mkdir(exist_ok=True)
        async with self._downloads:
            await download_file(self._artifacts, parent, digest, path)
        self._sizes[digest.sha256] = digest.size_bytes
        self._total_bytes += digest.size_bytes

    def _trim(self) -> None:
        while self._total_bytes > self._max_bytes and self._sizes:
            sha256, size = self._sizes.popitem(last=False)
            self._total_bytes -= size
            (self._directory / sha256[:2] / sha256).unlink(missing_ok=True)

    def close(self) -> None:
        """Writes down the order of use for the next process."""
        for moment, sha256 in enumerate(self._sizes):
            os.utime(self._directory / sha256[:2] / sha256, (moment, moment))
