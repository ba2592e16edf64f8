"""The program: `program.py CONFIGURATION RESULT`, started in the working directory of the run."""

from __future__ import annotations

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
    # As `python -m pytest` does, in place of this program's own folder.
    sys.path[0] = str(Path.cwd())
    search(configuration, started).write(result_path)
    return 0


def search(configuration: SearchConfiguration, started: float) -> SearchResult:
    """Searches the project in the current directory."""
    session = SearchSession(configuration, str(Path.cwd()), started)
    pytest.main(pytest_arguments(configuration), plugins=[session])
    return session.result
