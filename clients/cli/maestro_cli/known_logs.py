"""What this machine remembers of audit logs: their keys, and the last state it saw proved."""

import dataclasses
import json
import os
import tempfile
from pathlib import Path

from maestro_client.transparency import Checkpoint, VerifierKey

from .failures import Failure


@dataclasses.dataclass(frozen=True, slots=True)
class KnownLog:
    """A log as it was last seen: the key that signs it, and how far it went."""

    key: str
    size: int = 0
    root: bytes = b""


class KnownLogs:
    """Logs by origin, in one file of the owner's. A key that was seen once is never replaced by another."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._logs: dict[str, KnownLog] = {}
        if file.exists():
            content = json.loads(file.read_text(encoding="utf-8"))
            self._logs = {
                origin: KnownLog(one["key"], one["size"], bytes.fromhex(one["root"])) for origin, one in content.items()
            }

    def recall(self, origin: str) -> KnownLog | None:
        """Return what is known of a log."""
        return self._logs.get(origin)

    def check_key(self, key: VerifierKey) -> bool:
        """Tell whether the log's key was known already. Raises Failure if another one was."""
        known = self.recall(key.name)
        if known and known.key != str(key):
            raise Failure(
                f"the log {key.name} shows another key than before", f"if that is right, remove it from {self._file}"
            )
        return known is not None

    def keep(self, key: VerifierKey, checkpoint: Checkpoint) -> None:
        """Remember the key, and the checkpoint if it goes further than the known one."""
        known = self.recall(key.name)
        if known is None or checkpoint.size > known.size:
            self._logs[key.name] = KnownLog(str(key), checkpoint.size, checkpoint.root)
            self._save()

    def _save(self) -> None:
        content = {
            origin: {"key": one.key, "size": one.size, "root": one.root.hex()} for origin, one in self._logs.items()
        }
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=self._file.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(content, stream, indent=2)
        Path(name).replace(self._file)
