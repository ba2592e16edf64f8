"""The folder that an action lives in."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ActionFolder:
    """What an action may write to: its tree, its home, its temporary files, and the adapter's own."""

    root: Path

    @property
    def tree(self) -> Path:
        """The materialized input."""
        return self.root / "tree"

    @property
    def home(self) -> Path:
        """The process's HOME."""
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        """What the process sees as /tmp."""
        return self.root / "tmp"

    @property
    def adapter(self) -> Path:
        """Files between the adapter and what it injects."""
        return self.root / "adapter"

    def create(self) -> None:
        """Makes the folder and its parts, empty."""
        for path in (self.tree, self.home, self.temporary, self.adapter):
            path.mkdir(parents=True)
        self.temporary.chmod(0o1777)

    def remove(self) -> None:
        """Removes the folder, whatever rights the action left on its files."""
        shutil.rmtree(self.root, onerror=_force)


def _force(_function: object, path: str, _error: object) -> None:
    target = Path(path)
    try:
        target.parent.chmod(0o700)
        if target.is_dir() and not target.is_symlink():
            target.chmod(0o700)
            shutil.rmtree(target, ignore_errors=True)
        else:
            target.unlink(missing_ok=True)
    except OSError:
        return
