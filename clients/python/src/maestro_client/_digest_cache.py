"""Remembers files' digests between snapshots, so that an unchanged project is not hashed again."""

import contextlib
import hashlib
import json
import os
import tempfile
import time
from pathlib import Path

# A file written in the same clock tick as it was hashed may change without a new time: such a file is hashed again.
_SETTLED_NS = 2_000_000_000


class DigestCache:
    """A DigestMemory in one JSON file per project folder. A damaged or missing file only costs time."""

    def __init__(self, folder: Path, project: Path) -> None:
        name = hashlib.sha256(str(project.resolve()).encode(errors="surrogateescape")).hexdigest()[:32]
        self._file = folder / f"{name}.json"
        self._known = _load(self._file)
        self._seen: dict[str, list[int | str]] = {}

    def recall(self, path: str, status: os.stat_result) -> str | None:
        """Return the digest of the file if its status is the remembered one."""
        row = self._known.get(path)
        if not row or row[:-1] != _identity(status):
            return None
        self._seen[path] = row
        return str(row[-1])

    def remember(self, path: str, status: os.stat_result, sha256: str) -> None:
        """Keep the digest of a file that has not been written just now."""
        if time.time_ns() - status.st_mtime_ns > _SETTLED_NS:
            self._seen[path] = [*_identity(status), sha256]

    def save(self) -> None:
        """Write what was seen, atomically. What cannot be written is not remembered."""
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=self._file.parent)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(self._seen, stream)
            Path(name).replace(self._file)


def _identity(status: os.stat_result) -> list[int | str]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _load(file: Path) -> dict[str, list[int | str]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
