"""Checks the tree of a run before the run is accepted."""

import asyncio

from maestro.execution.v1 import run_pb2

from maestro_services.execution.blobs import BlobFiles
from maestro_services.execution.convert import blob_ref, listing
from maestro_services.execution.domain.tree import (
    BlobRef,
    Listing,
    TreeLimits,
    TreeWalk,
    check_working_directory,
    invalid_tree,
)
from maestro_services.execution.store.blobs import BlobStore
from maestro_services.runtime.errors import Reason, ServiceError, invalid_field

_MAX_DIRECTORY_BYTES = 32 * 1024 * 1024


class TreeCheck:
    """Reads the directories of a tree level by level, and asks for its files once at the end."""

    def __init__(self, files: BlobFiles, blobs: BlobStore, limits: TreeLimits | None = None) -> None:
        self._files = files
        self._blobs = blobs
        self._limits = limits or TreeLimits()

    async def check(self, project: str, spec: run_pb2.RunSpec) -> None:
        """TREE_INVALID with path and rule, or BLOB_MISSING, if a worker could not safely materialize the tree."""
        for field, paths in (("working_directory", [spec.working_directory]), ("output_paths", spec.output_paths)):
            if not all(check_working_directory(path) for path in paths):
                raise invalid_field(f"run.spec.{field}", "must be relative and stay inside the tree")
        walk = TreeWalk(self._limits)
        level = [("", blob_ref(spec.input_root))]
        while level:
            listings = await self._read(project, level)
            level = [child for path, blob in level for child in walk.visit(path, listings[blob])]
        walk.finish()
        await self._require(project, list(walk.files))

    async def _read(self, project: str, level: list[tuple[str, BlobRef]]) -> dict[BlobRef, Listing]:
        """The directories of a level; each is read and decoded once, however often it stands there."""
        first_path: dict[BlobRef, str] = {}
        for path, blob in level:
            first_path.setdefault(blob, path)
            if blob.size_bytes > _MAX_DIRECTORY_BYTES:
                raise invalid_tree(path, f"a directory is encoded in more than {_MAX_DIRECTORY_BYTES} bytes")
        await self._require(project, list(first_path))
        return await asyncio.to_thread(self._decode, first_path)

    def _decode(self, first_path: dict[BlobRef, str]) -> dict[BlobRef, Listing]:
        return {blob: listing(self._files.path(blob.sha256).read_bytes(), path) for blob, path in first_path.items()}

    async def _require(self, project: str, wanted: list[BlobRef]) -> None:
        missing = await self._blobs.missing(project, wanted)
        if missing:
            message = f"{len(missing)} blobs of the tree are not uploaded, the first is {missing[0].sha256}"
            raise ServiceError(Reason.BLOB_MISSING, message, digest=missing[0].sha256, count=str(len(missing)))
