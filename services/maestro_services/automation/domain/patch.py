"""Patches: edits of product files, checked to be what they say before anything is made of them."""

import ast
import difflib
import fnmatch
import hashlib
from dataclasses import dataclass

_TEST_FOLDERS = frozenset({"test", "tests", "testing"})
_TEST_FILES = ("test_*.py", "*_test.py", "conftest.py")


class UnusableEdit(Exception):  # noqa: N818 (it says what the edit is)
    """An edit that does not fit its file."""


class TouchesTest(UnusableEdit):
    """An edit of a test or of what tests rest on."""


@dataclass(frozen=True)
class FileDigest:
    """The content address of a file."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Edit:
    """The bytes `start:end` of a file replaced, and why: as the search reports it."""

    path: str
    start: int
    end: int
    before: str
    after: str
    line: int
    column: int
    function: str
    family: str
    safe: bool
    priority: float
    case_count: int


@dataclass(frozen=True)
class PatchedFile:
    """A file before and after a patch."""

    path: str
    base: FileDigest
    new: FileDigest


@dataclass(frozen=True)
class Patch:
    """A proved change of product code."""

    sha256: str
    unified_diff: str
    files: tuple[PatchedFile, ...]
    edits: tuple[Edit, ...]


def is_test_file(path: str) -> bool:
    """Whether a path of a tree belongs to the tests, which no patch may touch."""
    *folders, name = path.split("/")
    return bool(_TEST_FOLDERS.intersection(folders)) or any(fnmatch.fnmatch(name, one) for one in _TEST_FILES)


def apply_edit(base: bytes, edit: Edit) -> bytes:
    """The file with the edit made. UnusableEdit if the file is not what the edit was made for, or does not parse."""
    if is_test_file(edit.path):
        raise TouchesTest(f"{edit.path} belongs to the tests")
    if not 0 <= edit.start <= edit.end <= len(base) or base[edit.start : edit.end] != edit.before.encode():
        raise UnusableEdit(f"{edit.path} does not have {edit.before!r} at byte {edit.start}")
    new = base[: edit.start] + edit.after.encode() + base[edit.end :]
    try:
        ast.parse(new)
    except (SyntaxError, ValueError) as error:
        raise UnusableEdit(f"{edit.path} would not parse: {error}") from error
    if new == base:
        raise UnusableEdit(f"{edit.path} would not change")
    return new


def make_patch(base: bytes, edit: Edit) -> Patch:
    """The patch that one edit of one file amounts to."""
    new = apply_edit(base, edit)
    diff = unified_diff(edit.path, base, new)
    file = PatchedFile(edit.path, digest(base), digest(new))
    return Patch(hashlib.sha256(diff.encode()).hexdigest(), diff, (file,), (edit,))


def unified_diff(path: str, base: bytes, new: bytes) -> str:
    """The change of a file as `git apply` reads it, a missing last newline included."""
    lines = difflib.unified_diff(_lines(base), _lines(new), f"a/{path}", f"b/{path}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(data: bytes) -> list[str]:
    # str.splitlines would also split at form feeds and the like, which no diff does.
    lines = data.decode().split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def digest(data: bytes) -> FileDigest:
    """The content address of some bytes."""
    return FileDigest(hashlib.sha256(data).hexdigest(), len(data))
