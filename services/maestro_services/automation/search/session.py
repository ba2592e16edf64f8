"""The pytest side of the search: one collection, then the engine in the place of the test loop."""

from __future__ import annotations

import fnmatch
import importlib.util
import traceback
from collections.abc import Sequence
from pathlib import Path

import pytest

from .cases import Verdicts
from .configuration import SearchConfiguration, SearchResult
from .engine import Engine
from .tracing import FileSelection

_CACHE = ".maestro/cache"
_TEST_FOLDERS = frozenset({"test", "tests", "testing"})
_FOREIGN_FOLDERS = frozenset({".maestro", ".git", ".venv", "venv", ".tox", ".nox", "site-packages", "node_modules"})


class SearchSession:
    """A pytest plugin that collects as usual and searches instead of testing."""

    def __init__(self, configuration: SearchConfiguration, root: str, started: float) -> None:
        self._configuration = configuration
        self._root = root
        self._started = started
        self.result = SearchResult(message="pytest ended before it had collected the tests")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Runs the engine on the collected tests."""
        verdicts = Verdicts()
        session.config.pluginmanager.register(verdicts)
        root = Path(self._root)
        paths = {item.path for item in session.items if item.path.is_relative_to(root)}
        test_files = {path.relative_to(root).as_posix() for path in paths}
        patterns: list[str] = session.config.getini("python_files")
        files = FileSelection(self._root, lambda path: is_product(path, patterns) and path not in test_files)
        engine = Engine(self._configuration, session.items, files, verdicts, self._started)
        self.result = engine.result
        try:
            engine.run()
        except Exception:  # noqa: BLE001  # the result says what happened; pytest would only print it
            engine.result.message = traceback.format_exc(limit=-5)
        return True


def is_product(path: str, test_patterns: Sequence[str]) -> bool:
    """Whether a file of the tree may be edited: tests, their support and foreign code may not."""
    *folders, name = path.split("/")
    if not (_TEST_FOLDERS | _FOREIGN_FOLDERS).isdisjoint(folders) or name in ("conftest.py", "setup.py"):
        return False
    return not any(fnmatch.fnmatch(name, pattern) for pattern in (*test_patterns, "test_*.py", "*_test.py"))


def pytest_arguments(configuration: SearchConfiguration) -> list[str]:
    """The command line for the collection: the run's own, without what would run tests another way."""
    arguments = ["-q", "--capture=sys", "--continue-on-collection-errors", "--tb=line", "-o", f"cache_dir={_CACHE}"]
    for plugin in ("randomly", "random_order", "rerunfailures"):
        arguments += ["-p", f"no:{plugin}"]
    if importlib.util.find_spec("xdist") is not None:
        arguments.append("-n0")
    if importlib.util.find_spec("pytest_cov") is not None:
        arguments.append("--no-cov")
    return [*configuration.arguments, *arguments]
