"""The search program as files to add to an input tree."""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Iterator
from importlib.resources.abc import Traversable

FOLDER = ".maestro"
CONFIGURATION = f"{FOLDER}/search.json"
RESULT = f"{FOLDER}/result.json"
COMMAND = ("{python}", f"{FOLDER}/search.py", CONFIGURATION, RESULT)

_LAUNCHER = b"import sys\n\nfrom maestro_search.program import main\n\nsys.exit(main())\n"


@functools.cache
def program_files() -> dict[str, bytes]:
    """The program's files by their path in the tree; it runs by `COMMAND` from the tree's root."""
    files = {f"{FOLDER}/search.py": _LAUNCHER}
    package = importlib.resources.files(__package__) / "search"
    return files | dict(_python_files(package, f"{FOLDER}/maestro_search"))


def _python_files(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _python_files(entry, f"{path}/{entry.name}")
        elif entry.name.endswith(".py"):
            yield f"{path}/{entry.name}", entry.read_bytes()
