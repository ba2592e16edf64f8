"""The rules of a Merkle tree of directories: what a worker may safely put on a disk."""

import itertools
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from maestro_services.runtime.errors import Reason, ServiceError

MAX_NAME_BYTES = 255
MAX_TARGET_BYTES = 4096


@dataclass(frozen=True)
class BlobRef:
    """A content address: SHA-256 in hexadecimal and length."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Node:
    """An entry of a directory that has content: a file or a directory."""

    name: str
    blob: BlobRef


@dataclass(frozen=True)
class Link:
    """A symbolic link of a directory."""

    name: str
    target: str


@dataclass(frozen=True)
class Listing:
    """One decoded directory, its entries in the order in which they are encoded."""

    files: Sequence[Node] = ()
    directories: Sequence[Node] = ()
    links: Sequence[Link] = ()


@dataclass(frozen=True)
class TreeLimits:
    """How large a tree may be."""

    depth: int = 64
    entries: int = 200_000
    size_bytes: int = 16 * 1024**3
    path_bytes: int = 4096
    link_steps: int = 1_000_000


def invalid_tree(path: str, rule: str) -> ServiceError:
    """A tree that breaks a rule at a path."""
    return ServiceError(
        Reason.TREE_INVALID, f"the tree is invalid at {path or '.'!r}: {rule}", path=path or ".", rule=rule
    )


def check_listing(listing: Listing, path: str) -> None:
    """Checks the entries of one directory on their own: names, order, duplicates, link targets."""
    kinds = (
        [node.name for node in listing.files],
        [node.name for node in listing.directories],
        [link.name for link in listing.links],
    )
    for names in kinds:
        _check_order(names, path)
    _check_names(list(itertools.chain(*kinds)), path)
    for link in listing.links:
        _check_target(link, path)


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _check_order(names: list[str], path: str) -> None:
    encoded = [name.encode() for name in names]
    for before, after in itertools.pairwise(encoded):
        if before == after:
            raise invalid_tree(_join(path, after.decode()), "a name stands twice")
        if before > after:
            raise invalid_tree(_join(path, after.decode()), "entries are not sorted")


def _check_names(names: list[str], path: str) -> None:
    seen: dict[str, str] = {}
    for name in names:
        _check_name(name, path)
        folded = name.casefold()
        if folded in seen:
            same = seen[folded] == name
            rule = "a name stands twice" if same else f"differs only in case from {seen[folded]!r}"
            raise invalid_tree(_join(path, name), rule)
        seen[folded] = name


def _check_name(name: str, path: str) -> None:
    if name in ("", ".", ".."):
        raise invalid_tree(_join(path, name), "a name is empty, '.' or '..'")
    if "/" in name or "\0" in name:
        raise invalid_tree(_join(path, name), "a name contains '/' or NUL")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise invalid_tree(path, f"a name is longer than {MAX_NAME_BYTES} bytes")


def _check_target(link: Link, path: str) -> None:
    target = link.target
    where = _join(path, link.name)
    if not target or "\0" in target or len(target.encode()) > MAX_TARGET_BYTES:
        raise invalid_tree(where, "a link target is empty, too long or contains NUL")
    if target.startswith("/"):
        raise invalid_tree(where, "a link target is absolute")
    depth = path.count("/") + 1 if path else 0
    for part in target.split("/"):
        depth += -1 if part == ".." else 0 if part in ("", ".") else 1
        if depth < 0:
            raise invalid_tree(where, "a link leaves the tree")


class TreeWalk:
    """Walks a tree breadth first, one level a step, and sums what it meets.

    The caller decodes each level's directories and hands them to `visit`; what `visit` returned is the next level.
    All checks that need no other directory are made here, so that a hostile tree is refused before it is expanded.
    Links are judged by their text and by the links they pass through, once the whole tree is known.
    """

    def __init__(self, limits: TreeLimits) -> None:
        self._limits = limits
        self._entries = 0
        self._size = 0
        self._steps = 0
        self._links: dict[str, str] = {}
        self.files: dict[BlobRef, str] = {}

    def visit(self, path: str, listing: Listing) -> list[tuple[str, BlobRef]]:
        """Checks a directory; answers its sub-directories with their paths."""
        check_listing(listing, path)
        self._count(path, listing)
        for node in listing.files:
            self.files.setdefault(node.blob, _join(path, node.name))
        for link in listing.links:
            self._links[_join(path, link.name)] = link.target
        return [(_join(path, node.name), node.blob) for node in listing.directories]

    def _count(self, path: str, listing: Listing) -> None:
        limits = self._limits
        self._entries += len(listing.files) + len(listing.directories) + len(listing.links)
        self._size += sum(node.blob.size_bytes for node in listing.files)
        if self._entries > limits.entries:
            raise invalid_tree(path, f"more than {limits.entries} entries")
        if self._size > limits.size_bytes:
            raise invalid_tree(path, f"more than {limits.size_bytes} bytes")
        if path.count("/") >= limits.depth:
            raise invalid_tree(path, f"deeper than {limits.depth} directories")
        if len(path.encode()) + 1 + MAX_NAME_BYTES > limits.path_bytes:
            raise invalid_tree(path, f"a path is longer than {limits.path_bytes} bytes")

    def finish(self) -> None:
        """Checks that no link leaves the tree by way of another link."""
        for path in self._links:
            self._resolve(path)

    def _resolve(self, start: str) -> None:
        """Follows a link as the kernel does; a circle ends at 40 links, the kernel's own bound, and leads nowhere."""
        pending = start.split("/")[::-1]
        resolved: list[str] = []
        followed = 0
        while pending and followed <= 40:
            self._steps += 1
            if self._steps > self._limits.link_steps:
                raise invalid_tree(start, f"following the links takes more than {self._limits.link_steps} steps")
            part = pending.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not resolved:
                    raise invalid_tree(start, "a link leaves the tree")
                resolved.pop()
                continue
            target = self._links.get("/".join([*resolved, part]))
            if target is None:
                resolved.append(part)
                if len(resolved) > self._limits.depth + 1:
                    raise invalid_tree(start, f"a link leads deeper than {self._limits.depth} directories")
                continue
            followed += 1
            pending.extend(reversed(target.split("/")))


def check_working_directory(path: str) -> bool:
    """Whether a path is relative and stays inside the tree by its text."""
    normal = posixpath.normpath(path or ".")
    return not normal.startswith(("/", "..")) and "\0" not in path
