"""Trees as flat mappings, and their canonical encoding as Merkle directories."""

import dataclasses
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Self

from google.protobuf.message import DecodeError
from maestro.common.v1 import digest_pb2
from maestro.execution.v1 import artifact_pb2


class TreeError(ValueError):
    """A tree, or a folder that should become one, breaks a rule."""

    def __init__(self, path: str, rule: str) -> None:
        super().__init__(f"{path}: {rule}")
        self.path = path
        self.rule = rule


@dataclasses.dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of a tree: the address of its content and whether it may be executed."""

    sha256: str
    size_bytes: int
    executable: bool = False

    @property
    def digest(self) -> digest_pb2.Digest:
        """The address as the contract writes it."""
        return digest_pb2.Digest(sha256=self.sha256, size_bytes=self.size_bytes)


@dataclasses.dataclass(frozen=True, slots=True)
class EncodedTree:
    """A tree as the platform stores it: the root's address and every directory's bytes by SHA-256."""

    root: digest_pb2.Digest
    directories: Mapping[str, bytes]


@dataclasses.dataclass(frozen=True, slots=True)
class Tree:
    """A whole tree, flat: relative paths with `/` to their entries. Never changed in place.

    Directories are implied by what they hold; `empty_directories` are those that hold nothing.
    """

    files: Mapping[str, FileEntry] = dataclasses.field(default_factory=dict)
    symlinks: Mapping[str, str] = dataclasses.field(default_factory=dict)
    empty_directories: frozenset[str] = frozenset()

    def with_file(self, path: str, digest: digest_pb2.Digest, *, executable: bool | None = None) -> Self:
        """Return the tree with this file added or replaced. `executable=None` keeps the old file's mark."""
        check_path(path)
        if executable is None:
            executable = path in self.files and self.files[path].executable
        entry = FileEntry(digest.sha256, digest.size_bytes, executable)
        return dataclasses.replace(self, files={**self.files, path: entry})

    def without(self, path: str) -> Self:
        """Return the tree without this file or link. Raises KeyError if there is none."""
        if path not in self.files and path not in self.symlinks:
            raise KeyError(path)
        return dataclasses.replace(
            self,
            files={name: entry for name, entry in self.files.items() if name != path},
            symlinks={name: target for name, target in self.symlinks.items() if name != path},
        )

    def encode(self) -> EncodedTree:
        """Encode the tree canonically: the same tree gives the same root everywhere. Raises TreeError."""
        encoded: dict[str, bytes] = {}
        root = _encode_directory(self._nested(), "", encoded)
        return EncodedTree(root, encoded)

    def _nested(self) -> "_Node":
        top = _Node()
        for path, entry in self.files.items():
            top.parent_of(path).add(path, entry)
        for path, target in self.symlinks.items():
            top.parent_of(path).add(path, target)
        for path in self.empty_directories:
            top.parent_of(f"{path}/x")
        return top


class _Node:
    """A directory while a tree is encoded."""

    def __init__(self) -> None:
        self.entries: dict[str, FileEntry | str | _Node] = {}

    def parent_of(self, path: str) -> "_Node":
        node = self
        for name in path.split("/")[:-1]:
            below = node.entries.setdefault(name, _Node())
            if not isinstance(below, _Node):
                raise TreeError(path, f"{name} is both a file and a directory")
            node = below
        return node

    def add(self, path: str, entry: FileEntry | str) -> None:
        if self.entries.setdefault(path.rpartition("/")[2], entry) is not entry:
            raise TreeError(path, "is there twice")


def digest_of(data: bytes) -> digest_pb2.Digest:
    """Return the content address of some bytes."""
    return digest_pb2.Digest(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def check_path(path: str) -> None:
    """Raise TreeError unless this is a safe relative path with `/`."""
    for name in path.split("/"):
        check_name(name, path)


def check_name(name: str, path: str) -> None:
    """Raise TreeError unless this is one safe component of the path."""
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise TreeError(path, "every component of a path is a plain name")
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise TreeError(path.encode(errors="backslashreplace").decode(), "names must be valid UTF-8") from None
    if length > 255:
        raise TreeError(path, "a name has at most 255 bytes")


def check_link(path: str, target: str) -> None:
    """Raise TreeError if a symbolic link at this path leads out of the tree."""
    if target.startswith("/"):
        raise TreeError(path, f"links to the absolute path {target}; only relative links inside the tree travel")
    depth = path.count("/")
    for part in target.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            raise TreeError(path, f"links to {target}, which lies outside the tree")


def _encode_directory(node: _Node, path: str, encoded: dict[str, bytes]) -> digest_pb2.Digest:
    directory = artifact_pb2.Directory()
    _check_case(node, path)
    for name in sorted(node.entries, key=str.encode):
        entry = node.entries[name]
        here = f"{path}{name}"
        check_name(name, here)
        if isinstance(entry, FileEntry):
            directory.files.add(name=name, digest=entry.digest, executable=entry.executable)
        elif isinstance(entry, str):
            check_link(here, entry)
            directory.symlinks.add(name=name, target=entry)
        else:
            directory.directories.add(name=name, digest=_encode_directory(entry, f"{here}/", encoded))
    data = directory.SerializeToString(deterministic=True)
    digest = digest_of(data)
    encoded[digest.sha256] = data
    return digest


def _check_case(node: _Node, path: str) -> None:
    seen: dict[str, str] = {}
    for name in node.entries:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise TreeError(f"{path}{name}", f"differs from {other} in case only; not every worker can hold both")


async def load_tree(fetch: Callable[[digest_pb2.Digest], Awaitable[bytes]], root: digest_pb2.Digest) -> Tree:
    """Load the tree below a root, one directory after the other. Raises TreeError and what `fetch` raises."""
    files: dict[str, FileEntry] = {}
    symlinks: dict[str, str] = {}
    empty: set[str] = set()
    waiting = [("", root)]
    while waiting:
        path, digest = waiting.pop()
        directory = decode_directory(await fetch(digest), path)
        if path and not _entry_count(directory):
            empty.add(path.rstrip("/"))
        files.update(_files_of(directory, path))
        symlinks.update((f"{path}{link.name}", link.target) for link in directory.symlinks)
        waiting += [(f"{path}{below.name}/", below.digest) for below in directory.directories]
    return Tree(files, symlinks, frozenset(empty))


def decode_directory(data: bytes, path: str = "") -> artifact_pb2.Directory:
    """Decode a directory and check the names in it. Raises TreeError."""
    try:
        directory = artifact_pb2.Directory.FromString(data)
    except DecodeError:
        raise TreeError(path or ".", "is not an encoded directory") from None
    for name in [*_names(directory)]:
        check_name(name, f"{path}{name}")
    return directory


def _names(directory: artifact_pb2.Directory) -> Iterator[str]:
    yield from (node.name for node in directory.files)
    yield from (node.name for node in directory.directories)
    yield from (node.name for node in directory.symlinks)


def _entry_count(directory: artifact_pb2.Directory) -> int:
    return len(directory.files) + len(directory.directories) + len(directory.symlinks)


def _files_of(directory: artifact_pb2.Directory, path: str) -> Iterator[tuple[str, FileEntry]]:
    for node in directory.files:
        yield f"{path}{node.name}", FileEntry(node.digest.sha256, node.digest.size_bytes, node.executable)
