"""The environment of an action's processes: minimal, and never the worker's own."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from maestro_services.worker.sandbox.folder import ActionFolder

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What describes the host rather than the worker, and what programs behave differently without.
_PASSED_ON = ("TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True)
class Interpreter:
    """A Python on this host."""

    path: str

    @classmethod
    def find(cls, wanted: str) -> Interpreter:
        """The interpreter that a run asks for: a path, a program's name, or nothing for the worker's own."""
        return cls(shutil.which(wanted) or wanted if wanted else sys.executable)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where it and its packages lie: the virtual environment and the installation behind it."""
        path = Path(self.path)
        return (path.parent.parent, path.resolve().parent.parent) if path.is_absolute() else ()


def environment(folder: ActionFolder, interpreter: Interpreter, wanted: Mapping[str, str]) -> dict[str, str]:
    """The variables of a process: the host's basics, its own folders, and what the run wants."""
    programs = f"{Path(interpreter.path).parent}:{_SYSTEM_PATH}" if os.sep in interpreter.path else _SYSTEM_PATH
    basics = {"PATH": programs, "HOME": str(folder.home), "LANG": "C.UTF-8"}
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**basics, **passed_on, **wanted}
