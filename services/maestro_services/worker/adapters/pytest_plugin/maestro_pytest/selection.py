# ruff: noqa: PTH118, PTH123 -- pathlib costs too much where it runs for each test
"""Which tests run, and in which order."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator
from typing import Any

import pytest


class Selection:
    """Runs the chosen tests in the chosen order, but those that have a result already.

    A chosen id may name a test, or a file, class or parametrized function, which stands for all its tests.
    """

    def __init__(self, chosen: list[str], completed: list[str]) -> None:
        self._chosen = chosen
        self._completed = frozenset(completed)
        self.removed_count = 0

    @classmethod
    def load(cls, path: str, config: pytest.Config) -> Selection:
        """Reads the selection, and narrows the collection to the files it needs."""
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        selection = cls(content["chosen"], content["completed"])
        if selection._chosen:
            files = dict.fromkeys(test_id.split("::")[0] for test_id in selection._chosen)
            config.args[:] = [os.path.join(str(config.rootpath), file) for file in files]
        return selection

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        """Filters and orders after all others have; refuses ids that nothing was collected for."""
        groups = _by_group(items) if self._chosen else {}
        missing = [test_id for test_id in self._chosen if test_id not in groups]
        if missing and not session.testsfailed:
            raise pytest.UsageError(f"no such test: {missing[0]} ({len(missing)} of the chosen ids do not exist)")
        yield
        kept = self._in_chosen_order(items) if self._chosen else items
        kept = [item for item in kept if item.nodeid not in self._completed]
        removed = [item for item in items if item.nodeid in self._completed]
        self.removed_count = len(removed)
        if removed:
            config.hook.pytest_deselected(items=removed)
        items[:] = kept

    def _in_chosen_order(self, items: list[pytest.Item]) -> list[pytest.Item]:
        groups = _by_group(items)
        ordered: dict[str, Any] = {}
        for test_id in self._chosen:
            ordered.update((item.nodeid, item) for item in groups.get(test_id, ()))
        return list(ordered.values())


def _by_group(items: list[pytest.Item]) -> dict[str, list[pytest.Item]]:
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        for name in _names(item.nodeid):
            groups.setdefault(name, []).append(item)
    return groups


def _names(test_id: str) -> Iterator[str]:
    yield test_id
    file, separator, rest = test_id.partition("::")
    plain, bracket, _ = rest.partition("[")
    name = file + separator + plain
    if bracket:
        yield name
    while "::" in name:
        name = name.rpartition("::")[0]
        yield name
