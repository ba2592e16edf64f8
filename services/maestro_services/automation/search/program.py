"""The program: `program.py CONFIGURATION RESULT`, started in the working directory of the run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from .configuration import SearchConfiguration, SearchResult
from .session import SearchSession, pytest_arguments


def main(arguments: Sequence[str] | None = None) -> int:
    """Searches, and writes the result; 0 whatever it is, so that only a broken program fails."""
    started = time.monotonic()
    configuration_path, result_path = map(Path, sys.argv[1:] if arguments is None else arguments)
    configuration = SearchConfiguration.read(configuration_path)
    _set_path(Path(configuration.root).resolve())
    search(configuration, started).write(result_path)
    return 0


def _set_path(root: Path) -> None:
    """Makes the project importable as in its runs: by `python -m pytest`, and the tree before what is installed."""
    places = [str(Path.cwd()), *(str(place) for place in (root / "src", root) if place.is_dir())]
    # In place of this program's own folder.
    sys.path[:1] = places
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*places[1:], *([inherited] if inherited else [])])


def search(configuration: SearchConfiguration, started: float) -> SearchResult:
    """Searches the project that stands around the current directory."""
    session = SearchSession(configuration, str(Path(configuration.root).resolve()), started)
    pytest.main(pytest_arguments(configuration), plugins=[session])
    return session.result
