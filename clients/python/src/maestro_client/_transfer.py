"""Moves blobs and trees between a folder and the platform, with bounded memory and checked digests."""

import asyncio
import hashlib
import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from maestro.common.v1 import digest_pb2
from maestro.execution.v1 import artifact_service_pb2 as service

from ._backoff import delays
from ._merkle import Tree, digest_of, load_tree
from ._snapshot import ContentChanged, DigestMemory, Snapshot, SnapshotLimits, take_snapshot
from .errors import Unavailable

CHUNK_BYTES = 1 << 20
_BATCH = 5_000
_ATTEMPTS = 4


class Artifacts(Protocol):
    """What of the artifact client is used here."""

    async def find_missing_blobs(
        self, request: service.FindMissingBlobsRequest, /
    ) -> service.FindMissingBlobsResponse: ...

    async def upload_blobs(
        self, requests: AsyncIterator[service.UploadBlobsRequest], /
    ) -> service.UploadBlobsResponse: ...

    def download_blob(self, request: service.DownloadBlobRequest, /) -> AsyncIterator[service.DownloadBlobResponse]: ...


class DigestMismatch(Exception):  # noqa: N818 -- the name of the reason on the wire
    """Bytes that came are not those that were asked for."""

    def __init__(self, digest: digest_pb2.Digest) -> None:
        super().__init__(f"the bytes received for {digest.sha256} are not those of that blob")
        self.digest = digest


async def upload_tree(
    artifacts: Artifacts,
    parent: str,
    folder: str | os.PathLike[str],
    *,
    limits: SnapshotLimits | None = None,
    gitignore: bool = True,
    memory: DigestMemory | None = None,
) -> digest_pb2.Digest:
    """Snapshot a folder, send the blobs that the project lacks, and return the root's digest.

    A file that changes meanwhile makes it begin again, three times at most; then ContentChanged is raised.
    """
    for attempt in itertools.count(1):
        try:
            snapshot = await asyncio.to_thread(take_snapshot, folder, limits=limits, gitignore=gitignore, memory=memory)
            return await upload_snapshot(artifacts, parent, snapshot)
        except ContentChanged:
            if attempt == 3:
                raise
    raise AssertionError  # itertools.count never ends


async def upload_snapshot(artifacts: Artifacts, parent: str, snapshot: Snapshot) -> digest_pb2.Digest:
    """Send the blobs of a snapshot that the project lacks. Raises ContentChanged if a file is not what it was."""
    wanted = {entry.sha256: entry.digest for entry in snapshot.tree.files.values()}
    wanted |= {sha: digest_pb2.Digest(sha256=sha, size_bytes=len(data)) for sha, data in _directories(snapshot)}
    contents: dict[str, bytes | Path] = {**snapshot.sources, **snapshot.encoded.directories}
    await _upload(artifacts, parent, wanted, contents)
    return snapshot.encoded.root


def _directories(snapshot: Snapshot) -> Iterable[tuple[str, bytes]]:
    return snapshot.encoded.directories.items()


async def upload_blobs(artifacts: Artifacts, parent: str, blobs: Iterable[bytes]) -> list[digest_pb2.Digest]:
    """Send blobs that are in memory, those only that the project lacks; returns their digests in order."""
    datas = list(blobs)
    digests = [digest_of(data) for data in datas]
    contents: dict[str, bytes | Path] = {digest.sha256: data for digest, data in zip(digests, datas, strict=True)}
    await _upload(artifacts, parent, {digest.sha256: digest for digest in digests}, contents)
    return digests


async def store_tree(
    artifacts: Artifacts, parent: str, tree: Tree, contents: Iterable[bytes] = ()
) -> digest_pb2.Digest:
    """Send a tree's directories, and the contents of files that are new in it; returns the root's digest."""
    encoded = tree.encode()
    await upload_blobs(artifacts, parent, [*contents, *encoded.directories.values()])
    return encoded.root


async def fetch_tree(artifacts: Artifacts, parent: str, root: digest_pb2.Digest) -> Tree:
    """Load the tree below a root digest, its directories only. Raises TreeError and NotFound."""
    return await load_tree(lambda digest: download_blob(artifacts, parent, digest), root)


async def download_blob(artifacts: Artifacts, parent: str, digest: digest_pb2.Digest) -> bytes:
    """Read a blob into memory, verified; a broken call goes on where it was cut."""
    received = bytearray()
    await _download(artifacts, parent, digest, received.extend)
    return bytes(received)


async def download_file(
    artifacts: Artifacts, parent: str, digest: digest_pb2.Digest, path: str | os.PathLike[str]
) -> None:
    """Read a blob into a file, verified. The file appears only when it is whole."""
    target = Path(path)
    partial = target.with_name(f".{target.name}.part")
    try:
        with partial.open("wb") as stream:
            await _download(artifacts, parent, digest, stream.write)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


async def _download(
    artifacts: Artifacts, parent: str, digest: digest_pb2.Digest, write: Callable[[bytes], object]
) -> None:
    sha256, received = hashlib.sha256(), 0
    for delay in delays(_ATTEMPTS):
        request = service.DownloadBlobRequest(parent=parent, digest=digest, offset=received)
        try:
            async for response in artifacts.download_blob(request):
                received += len(response.data)
                if received > digest.size_bytes:
                    raise DigestMismatch(digest)
                sha256.update(response.data)
                write(response.data)
            break
        except Unavailable:
            if delay is None:
                raise
            await asyncio.sleep(delay)
    if received != digest.size_bytes or sha256.hexdigest() != digest.sha256:
        raise DigestMismatch(digest)


async def _upload(
    artifacts: Artifacts, parent: str, wanted: Mapping[str, digest_pb2.Digest], contents: Mapping[str, bytes | Path]
) -> None:
    for delay in delays(_ATTEMPTS):
        missing = await _missing(artifacts, parent, list(wanted.values()))
        if not missing:
            return
        try:
            await artifacts.upload_blobs(_messages(parent, missing, contents))
            return
        except Unavailable:
            if delay is None:
                raise
            await asyncio.sleep(delay)


async def _missing(artifacts: Artifacts, parent: str, digests: list[digest_pb2.Digest]) -> list[digest_pb2.Digest]:
    missing: list[digest_pb2.Digest] = []
    for start in range(0, len(digests), _BATCH):
        batch = digests[start : start + _BATCH]
        request = service.FindMissingBlobsRequest(parent=parent, digests=batch)
        missing += (await artifacts.find_missing_blobs(request)).missing_digests
    return missing


async def _messages(
    parent: str, missing: Iterable[digest_pb2.Digest], contents: Mapping[str, bytes | Path]
) -> AsyncIterator[service.UploadBlobsRequest]:
    for digest in missing:
        begun = False
        async for chunk in _chunks(contents[digest.sha256], digest):
            if begun:
                yield service.UploadBlobsRequest(data=chunk)
            else:
                yield service.UploadBlobsRequest(parent=parent, digest=digest, data=chunk)
            begun = True


async def _chunks(content: bytes | Path, digest: digest_pb2.Digest) -> AsyncIterator[bytes]:
    """Yield a blob's chunks; its last one only if the whole had the digest, so that no server sees a lie."""
    if isinstance(content, bytes):
        for start in range(0, len(content) or 1, CHUNK_BYTES):
            yield content[start : start + CHUNK_BYTES]
        return
    sha256 = hashlib.sha256()
    try:
        with content.open("rb") as stream:
            chunk = stream.read(CHUNK_BYTES)
            sha256.update(chunk)
            while following := stream.read(CHUNK_BYTES):
                sha256.update(following)
                yield chunk
                chunk = following
    except FileNotFoundError:
        raise ContentChanged(content) from None
    if sha256.hexdigest() != digest.sha256:
        raise ContentChanged(content)
    yield chunk
