"""A project's folder as a tree: what is in it, hashed, and where the bytes are."""

import dataclasses
import hashlib
import os
import stat
from pathlib import Path
from typing import Protocol

from ._ignore import ALWAYS_IGNORED, IgnoreRules, is_virtual_environment
from ._merkle import EncodedTree, FileEntry, Tree, TreeError, check_link, check_name

_CHUNK = 1 << 20


class ContentChanged(Exception):  # noqa: N818 -- it says what happened to whom
    """A file changes while it is read."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} changes while it is read")
        self.path = path


@dataclasses.dataclass(frozen=True, slots=True)
class SnapshotLimits:
    """What a snapshot may hold at most. More is a TreeError that names the path at which it was reached."""

    file_count: int = 200_000
    file_bytes: int = 1 << 30
    total_bytes: int = 8 << 30


class DigestMemory(Protocol):
    """Remembers the SHA-256 of files that did not change."""

    def recall(self, path: str, status: os.stat_result) -> str | None:
        """Return the digest of the file if its status is the remembered one."""

    def remember(self, path: str, status: os.stat_result, sha256: str) -> None:
        """Keep the digest of the file."""


@dataclasses.dataclass(frozen=True, slots=True)
class Snapshot:
    """A folder at one moment: its tree, and for every content one file that has it."""

    root_folder: Path
    tree: Tree
    encoded: EncodedTree
    sources: dict[str, Path]

    @property
    def total_bytes(self) -> int:
        """The size of all files together."""
        return sum(entry.size_bytes for entry in self.tree.files.values())


def take_snapshot(
    folder: str | os.PathLike[str],
    *,
    gitignore: bool = True,
    limits: SnapshotLimits | None = None,
    memory: DigestMemory | None = None,
) -> Snapshot:
    """Read a folder into a snapshot: pure in the folder's content, sorted, without what .gitignore files name.

    Version control, caches and virtual environments never travel. Symbolic links travel as links; one that leaves the
    folder is an error. Sockets, pipes and devices are passed over. Raises TreeError, and OSError where files cannot
    be read. Blocks while it hashes: call it in a thread from asynchronous code.
    """
    root = Path(folder).resolve(strict=True)
    if not root.is_dir():
        raise TreeError(str(folder), "is not a directory")
    walk = _Walk(limits or SnapshotLimits(), memory, gitignore=gitignore)
    walk.directory(root, "", IgnoreRules())
    tree = Tree(walk.files, walk.symlinks, frozenset(walk.empty))
    return Snapshot(root, tree, tree.encode(), walk.sources)


class _Walk:
    """Collects the entries of a folder while it is walked."""

    def __init__(self, limits: SnapshotLimits, memory: DigestMemory | None, *, gitignore: bool) -> None:
        self._limits = limits
        self._memory = memory
        self._gitignore = gitignore
        self._total = 0
        self.files: dict[str, FileEntry] = {}
        self.symlinks: dict[str, str] = {}
        self.empty: set[str] = set()
        self.sources: dict[str, Path] = {}

    def directory(self, folder: Path, path: str, rules: IgnoreRules) -> None:
        if self._gitignore:
            rules = rules.entered(folder, path)
        kept = 0
        with os.scandir(folder) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
        for entry in ordered:
            kept += self._entry(entry, f"{path}{entry.name}", rules)
        if path and not kept:
            self.empty.add(path.rstrip("/"))

    def _entry(self, entry: os.DirEntry[str], path: str, rules: IgnoreRules) -> bool:
        """Take one entry in; answers whether it belongs to the tree."""
        is_directory = entry.is_dir(follow_symlinks=False)
        if _never_travels(entry.name) or rules.ignore(f"{path}/" if is_directory else path):
            return False
        if is_directory and is_virtual_environment(Path(entry.path)):
            return False
        check_name(entry.name, path)
        if entry.is_symlink():
            self._symlink(Path(entry.path), path)
        elif is_directory:
            self.directory(Path(entry.path), f"{path}/", rules)
        elif entry.is_file(follow_symlinks=False):
            self._file(Path(entry.path), path)
        else:
            return False
        return True

    def _symlink(self, link: Path, path: str) -> None:
        target = str(link.readlink())
        check_link(path, target)
        self.symlinks[path] = target

    def _file(self, file: Path, path: str) -> None:
        status = file.stat()
        self._count(path, status.st_size)
        sha256 = self._memory.recall(path, status) if self._memory else None
        if sha256 is None:
            sha256, status = hash_file(file)
            if self._memory:
                self._memory.remember(path, status, sha256)
        self.files[path] = FileEntry(sha256, status.st_size, bool(status.st_mode & stat.S_IXUSR))
        self.sources.setdefault(sha256, file)

    def _count(self, path: str, size: int) -> None:
        self._total += size
        if size > self._limits.file_bytes:
            raise TreeError(path, f"has {size:,} bytes; at most {self._limits.file_bytes:,} travel in one file")
        if self._total > self._limits.total_bytes:
            raise TreeError(path, f"brings the tree over {self._limits.total_bytes:,} bytes")
        if len(self.files) >= self._limits.file_count:
            raise TreeError(path, f"is one file more than the {self._limits.file_count:,} that a tree may have")


def _never_travels(name: str) -> bool:
    return name in ALWAYS_IGNORED or name.endswith((".pyc", ".pyo"))


def hash_file(file: Path) -> tuple[str, os.stat_result]:
    """Return a file's SHA-256, and its status with the size that was really read."""
    digest = hashlib.sha256()
    read = 0
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            read += len(chunk)
        status = os.fstat(stream.fileno())
    if status.st_size != read:
        raise ContentChanged(file)
    return digest.hexdigest(), status
