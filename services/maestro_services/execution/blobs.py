"""Blobs on disk, by content: a file is there whole, verified and durable, or not at all."""

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from maestro_services.execution.domain.tree import BlobRef
from maestro_services.runtime.errors import Reason, ServiceError

CHUNK_BYTES = 1024 * 1024
# No upload is silent for so long; another server that shares the folder may have younger ones.
_ABANDONED_SECONDS = 24 * 3600


class BlobFiles:
    """Content-addressed files below a folder, `ab/abcdef…`. Which project may see which is not decided here."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, sha256: str) -> Path:
        """Where a blob is, or would be."""
        return self._root / sha256[:2] / sha256

    def sweep(self) -> None:
        """Removes what uploads left behind that did not end, because their server was killed."""
        for path in self._root.glob("upload-*"):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink(missing_ok=True)

    def write(self, blob: BlobRef) -> "BlobWriter":
        """Begins a blob; `add` its bytes, then `commit`. Leaving the block without a commit keeps nothing."""
        return BlobWriter(self._root, self.path(blob.sha256), blob)

    async def put(self, data: bytes) -> BlobRef:
        """Stores bytes; answers their address."""
        blob = BlobRef(hashlib.sha256(data).hexdigest(), len(data))
        async with self.write(blob) as writer:
            await writer.add(data)
            await writer.commit()
        return blob

    async def get(self, blob: BlobRef) -> bytes:
        """The bytes of a small blob."""
        return await asyncio.to_thread(self.path(blob.sha256).read_bytes)

    async def read(self, blob: BlobRef, offset: int) -> AsyncIterator[bytes]:
        """The bytes from an offset, in chunks; one empty chunk if there are none."""
        with await asyncio.to_thread(self.path(blob.sha256).open, "rb") as file:
            file.seek(offset)
            data = await asyncio.to_thread(file.read, CHUNK_BYTES)
            yield data
            while len(data) == CHUNK_BYTES:
                data = await asyncio.to_thread(file.read, CHUNK_BYTES)
                if data:
                    yield data


class BlobWriter:
    """One blob on its way to the disk, in a temporary file beside its place.

    What fits in one chunk is kept until the commit, so that a small blob costs one step outside the event loop.
    """

    def __init__(self, root: Path, target: Path, blob: BlobRef) -> None:
        self._root = root
        self._target = target
        self._blob = blob
        self._hash = hashlib.sha256()
        self._size = 0
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._descriptor = -1
        self._temporary: Path | None = None

    async def __aenter__(self) -> "BlobWriter":
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self._discard()

    @property
    def complete(self) -> bool:
        """Whether as many bytes have come as the address states."""
        return self._size == self._blob.size_bytes

    async def add(self, data: bytes) -> None:
        """Takes the next bytes."""
        self._size += len(data)
        if self._size > self._blob.size_bytes:
            raise self.mismatch("more bytes than stated")
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes > CHUNK_BYTES:
            await asyncio.to_thread(self._store, self._write)

    async def commit(self) -> None:
        """Makes the blob durable. DIGEST_MISMATCH if the bytes are not those of its address."""
        await asyncio.to_thread(self._store, self._publish)

    def mismatch(self, actual: str) -> ServiceError:
        """The refusal of bytes that are not those of the address."""
        digest = self._blob.sha256
        message = f"the bytes are not those of {digest} ({self._blob.size_bytes} bytes): {actual}"
        return ServiceError(Reason.DIGEST_MISMATCH, message, digest=digest, actual=actual)

    def _store(self, step: Callable[[], None]) -> None:
        try:
            step()
        except OSError as error:
            message = f"the blob could not be stored ({error.strerror}); nothing of it was kept"
            raise ServiceError(Reason.STORAGE_UNAVAILABLE, message, retry_after=5.0) from error

    def _write(self) -> None:
        if self._descriptor < 0:
            self._root.mkdir(parents=True, exist_ok=True)
            self._descriptor, name = tempfile.mkstemp(dir=self._root, prefix="upload-")
            self._temporary = Path(name)
        for data in self._pending:
            self._hash.update(data)
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]
        self._pending, self._pending_bytes = [], 0

    def _publish(self) -> None:
        """File first, then its name, then the folder that has the name: a crash leaves the blob or nothing."""
        self._write()
        actual = self._hash.hexdigest()
        if actual != self._blob.sha256 or not self.complete:
            raise self.mismatch(actual)
        if self._target.exists() or self._temporary is None:
            return
        os.fsync(self._descriptor)
        folder = self._target.parent
        if not folder.exists():
            folder.mkdir(exist_ok=True)
            _sync_folder(self._root)
        self._temporary.replace(self._target)
        self._temporary = None
        _sync_folder(folder)

    def _discard(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
