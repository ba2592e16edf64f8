"""Applies the patch of a repair to the user's own files: all of it or nothing."""

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from maestro.automation.v1 import patch_pb2
from maestro.common.v1 import digest_pb2
from maestro_client.tree import digest_of

from .failures import Failure


@dataclasses.dataclass(frozen=True, slots=True)
class Replacement:
    """A file and the content it is to have."""

    path: Path
    content: bytes


def pending(root: Path, patch: patch_pb2.Patch) -> list[patch_pb2.PatchedFile]:
    """Return the files of a patch that are not yet as it wants them.

    Raises Failure for a file that is neither what the patch was made for nor what it makes of it: somebody's own
    change must not be overwritten.
    """
    waiting = []
    for file in patch.files:
        found = _digest(inside(root, file.path))
        if found == file.new_digest.sha256:
            continue
        if found != file.base_digest.sha256:
            raise Failure(
                f"{file.path} is not what the patch was made for", "run the tests again and repair what fails then"
            )
        waiting.append(file)
    return waiting


def inside(root: Path, path: str) -> Path:
    """Return the file below the root. Raises Failure for a path that leads elsewhere, by a link too."""
    target = root.resolve() / path
    if target.is_symlink() or not target.resolve().is_relative_to(root.resolve()):
        raise Failure(f"{path} leads out of {root}", "name the project's folder: maestro repair apply REPAIR PATH")
    return target


def _digest(file: Path) -> str:
    try:
        return digest_of(file.read_bytes()).sha256
    except FileNotFoundError:
        raise Failure(f"{file} does not exist", "name the project's folder: maestro repair apply REPAIR PATH") from None


def replace_all(replacements: list[Replacement], bases: dict[Path, digest_pb2.Digest]) -> None:
    """Write all files, each atomically; if one cannot be written, those written before get their old content back."""
    with contextlib.ExitStack() as stack:
        prepared = [(one, stack.enter_context(_prepared(one))) for one in replacements]
        undo: list[Replacement] = []
        try:
            for one, fresh in prepared:
                old = one.path.read_bytes()
                if digest_of(old) != bases[one.path]:
                    raise Failure(f"{one.path} changed while the patch was applied", "apply it again")
                fresh.replace(one.path)
                undo.append(Replacement(one.path, old))
        except BaseException:
            for back in undo:
                with _prepared(back) as fresh:
                    fresh.replace(back.path)
            raise


@contextlib.contextmanager
def _prepared(one: Replacement) -> Iterator[Path]:
    """Write the content beside the file, with the file's mode; it is gone afterwards unless it was moved."""
    handle, name = tempfile.mkstemp(dir=one.path.parent, prefix=f".{one.path.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(one.content)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.chmod(one.path.stat().st_mode & 0o7777)
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)
