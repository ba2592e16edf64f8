"""Keeps the files that a run wants kept."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from maestro.execution.v1 import artifact_pb2
from maestro_client.tree import Artifacts, take_snapshot, upload_snapshot

_MAX_FILES = 1000
_MAX_BYTES = 1 << 30


class TooMuchOutputError(Exception):
    """More files or bytes match than a run may keep."""


async def keep(
    artifacts: Artifacts, parent: str, directory: Path, globs: Sequence[str], stage: Path
) -> list[artifact_pb2.OutputFile]:
    """Uploads the files below `directory` that match, and names them; `stage` is an empty folder to work in.

    Links are not followed. Raises TooMuchOutputError, and what an upload raises.
    """
    paths = await asyncio.to_thread(_find, directory, globs)
    if not paths:
        return []
    # Under numbers, because a snapshot leaves out what it takes for caches by its name.
    await asyncio.to_thread(_gather, paths, stage)
    snapshot = await asyncio.to_thread(take_snapshot, stage, gitignore=False)
    await upload_snapshot(artifacts, parent, snapshot)
    files = snapshot.tree.files
    return [
        artifact_pb2.OutputFile(path=path.relative_to(directory).as_posix(), digest=files[str(number)].digest)
        for number, path in enumerate(paths)
    ]


def _find(directory: Path, globs: Sequence[str]) -> list[Path]:
    root = directory.resolve()
    found: dict[Path, int] = {}
    for pattern in globs:
        for path in directory.glob(_relative(pattern)):
            if path.is_file() and not path.is_symlink() and path.resolve().is_relative_to(root):
                found[path] = path.stat().st_size
            if len(found) > _MAX_FILES or sum(found.values()) > _MAX_BYTES:
                raise TooMuchOutputError(f"output_paths match more than {_MAX_FILES} files or {_MAX_BYTES} bytes")
    return sorted(found)


def _relative(pattern: str) -> str:
    parts = [part for part in pattern.split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "*"


def _gather(paths: Sequence[Path], stage: Path) -> None:
    stage.mkdir()
    for number, path in enumerate(paths):
        try:
            os.link(path, stage / str(number))
        except OSError:
            shutil.copyfile(path, stage / str(number))
