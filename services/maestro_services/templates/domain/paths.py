"""Paths that are safe to write below any directory on any file system."""

import re
import unicodedata
from collections.abc import Iterable

MAX_PATH_BYTES = 1024
MAX_COMPONENT_BYTES = 255

_DRIVE = re.compile(r"[A-Za-z]:")
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?")
# Control, format and separator characters, surrogates: invisible, or ignored by some file systems.
_UNSAFE_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def path_fault(path: str) -> str | None:
    """What makes a relative path with `/` unsafe, as a sentence; None if nothing does."""
    if not path:
        return "a path is not empty"
    if path.startswith("/") or _DRIVE.match(path):
        return "a path is relative"
    if "\\" in path:
        return "a path is separated by `/` and has no backslash"
    if any(unicodedata.category(character) in _UNSAFE_CATEGORIES for character in path):
        return "a path has no control or invisible characters"
    if len(path.encode()) > MAX_PATH_BYTES:
        return f"a path has at most {MAX_PATH_BYTES} bytes"
    return next(filter(None, map(_component_fault, path.split("/"))), None)


def _component_fault(component: str) -> str | None:
    if component in {"", ".", ".."}:
        return "no part of a path is empty, `.` or `..`"
    if len(component.encode()) > MAX_COMPONENT_BYTES:
        return f"a part of a path has at most {MAX_COMPONENT_BYTES} bytes"
    if component != component.rstrip(". ") or component != component.lstrip():
        return "no part of a path begins with a space, or ends with a space or a dot"
    if _fold(component) == ".git" or component.upper().startswith("GIT~"):
        return "no part of a path is `.git`"
    if _DEVICE.fullmatch(component):
        return "no part of a path is the name of a device"
    return None


def collision(paths: Iterable[str]) -> tuple[str, str] | None:
    """Two paths that name one file, or a file and a directory, where case or Unicode form is ignored; None if none do.

    A parent directory counts as a name of its own: `a/x` and `A/y` collide too.
    """
    seen: dict[str, tuple[str, str, bool]] = {}
    for path in paths:
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            spelling, is_file = "/".join(parts[:count]), count == len(parts)
            key = _fold(spelling)
            if key not in seen:
                seen[key] = (spelling, path, is_file)
                continue
            first_spelling, first_path, first_is_file = seen[key]
            if is_file or first_is_file or spelling != first_spelling:
                return first_path, path
    return None


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())
