# ruff: noqa: PTH109 -- pathlib costs too much where it runs for each test
"""Reports what pytest does, test by test, to the MAESTRO worker that started it.

Injected with `-p maestro_pytest` into the project's own pytest (6.2 to 9, Python 3.8 and later), so it may import
nothing but the standard library and pytest. It watches and never decides: outcomes, exit code and terminal output
are those of plain pytest. PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import os

import pytest

from .capture import RawCapture
from .channel import Channel
from .reporter import Reporter
from .selection import Selection
from .stacks import dump_stacks_on_signal

EVENTS_FD = "MAESTRO_PYTEST_EVENTS_FD"
SELECTION = "MAESTRO_PYTEST_SELECTION"
STACKS = "MAESTRO_PYTEST_STACKS"
ROOT = "MAESTRO_PYTEST_ROOT"


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Gets ready to show where the process hangs, before any code of the project runs."""
    path = os.environ.pop(STACKS, None)
    if path is not None:
        dump_stacks_on_signal(path)


def pytest_configure(config: pytest.Config) -> None:
    """Starts reporting, unless this process is not the one that the worker started."""
    root = os.environ.get(ROOT, os.getcwd())
    selection = os.environ.get(SELECTION)
    if selection:
        config.pluginmanager.register(Selection.load(selection, config), "maestro-selection")
    descriptor = os.environ.pop(EVENTS_FD, None)
    if descriptor is None:
        config.pluginmanager.register(Reporter(config, None, root), "maestro-reporter")
        return
    channel = Channel(int(descriptor))
    config.pluginmanager.register(Reporter(config, channel, root, RawCapture.install(config)), "maestro-reporter")
