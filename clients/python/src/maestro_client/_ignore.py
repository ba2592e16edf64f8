"""What of a folder does not travel: .gitignore files as git reads them, and what never belongs to a project."""

import dataclasses
from pathlib import Path
from typing import Self

from pathspec import GitIgnoreSpec

# Version control, caches and tools' state: never an input of a test run.
ALWAYS_IGNORED = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".jj",
        ".venv",
        ".tox",
        ".nox",
        ".maestro",
        "__pycache__",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".hypothesis",
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The .gitignore files that govern one directory: outermost first, each with the folder it stands in."""

    specs: tuple[tuple[str, GitIgnoreSpec], ...] = ()

    def entered(self, folder: Path, path: str) -> Self:
        """Return the rules inside a directory: these and its own .gitignore."""
        try:
            text = (folder / ".gitignore").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return self
        return dataclasses.replace(self, specs=(*self.specs, (path, GitIgnoreSpec.from_lines(text.splitlines()))))

    def ignore(self, path: str) -> bool:
        """Tell whether a path is ignored; a directory's path ends in `/`. The innermost opinion counts."""
        for prefix, spec in reversed(self.specs):
            included = spec.check_file(path.removeprefix(prefix)).include
            if included is not None:
                return included
        return False


def is_virtual_environment(folder: Path) -> bool:
    """Tell whether a folder is a Python virtual environment, whatever its name."""
    return (folder / "pyvenv.cfg").is_file()
