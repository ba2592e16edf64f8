"""The files of a template or of a rendered project, and their content address."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class File:
    """A file: a safe relative path, its mode and its bytes."""

    path: str
    content: bytes = field(repr=False)
    executable: bool = False

    @property
    def sha256(self) -> str:
        """The content address of the bytes."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class TreeDigest:
    """The content address of a set of files, as the contract defines it."""

    sha256: str
    size_bytes: int


class TreeHash:
    """Makes the content address of files whose bytes need not be kept."""

    def __init__(self) -> None:
        self.file_count = 0
        self.size_bytes = 0
        self._lines: list[tuple[bytes, bytes]] = []

    def add(self, path: str, executable: bool, sha256: str, size: int) -> None:
        """Counts a file in."""
        line = f"{sha256} {'x' if executable else '-'} {path}\n".encode()
        self._lines.append((path.encode(), line))
        self.file_count += 1
        self.size_bytes += size

    def digest(self) -> TreeDigest:
        """The address of the files so far."""
        listing = b"".join(line for _, line in sorted(self._lines))
        return TreeDigest(hashlib.sha256(listing).hexdigest(), len(listing))


def tree_hash(files: Iterable[File]) -> TreeHash:
    """The hash of all the files."""
    tree = TreeHash()
    for file in files:
        tree.add(file.path, file.executable, file.sha256, len(file.content))
    return tree
