"""Which lines of the product a test executes."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

Lines = dict[str, set[int]]


class FileSelection:
    """Tells the product files of a project from everything else, quickly and always alike."""

    def __init__(self, root: str, is_product: Callable[[str], bool]) -> None:
        self._root = os.path.realpath(root) + os.sep
        self._is_product = is_product
        self._known: dict[str, str | None] = {}

    def path(self, filename: str) -> str | None:
        """The path of a code object's file below the root, if it is product code."""
        try:
            return self._known[filename]
        except KeyError:
            self._known[filename] = found = self._find(filename)
            return found

    def absolute(self, path: str) -> str:
        """The file of a path below the root."""
        return self._root + path.replace("/", os.sep)

    def _find(self, filename: str) -> str | None:
        real = os.path.realpath(filename)
        if not real.startswith(self._root) or not real.endswith(".py"):
            return None
        path = real[len(self._root) :].replace(os.sep, "/")
        return path if self._is_product(path) else None


class LineTracer:
    """Records executed lines by `sys.settrace`, in all threads started under it."""

    def __init__(self, files: FileSelection) -> None:
        self._files = files
        self.lines: Lines = {}

    def __enter__(self) -> LineTracer:
        self.lines = {}
        threading.settrace(self._call)
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        path = self._files.path(frame.f_code.co_filename)
        if path is None:
            return None
        lines = self.lines.setdefault(path, set())

        def line(frame: FrameType, event: str, _: Any) -> Any:
            if event == "line":
                lines.add(frame.f_lineno)
            return line

        return line


class LineMonitor:
    """Records executed lines by `sys.monitoring`: each line costs only once a test. Python 3.12 and later."""

    TOOL = 4

    def __init__(self, files: FileSelection) -> None:
        self._files = files
        self.lines: Lines = {}

    def __enter__(self) -> LineMonitor:
        self.lines = {}
        monitoring: Any = vars(sys)["monitoring"]
        monitoring.use_tool_id(self.TOOL, "maestro-search")
        monitoring.register_callback(self.TOOL, monitoring.events.LINE, self._line)
        monitoring.set_events(self.TOOL, monitoring.events.LINE)
        monitoring.restart_events()
        self._disable = monitoring.DISABLE
        return self

    def __exit__(self, *_: object) -> None:
        monitoring: Any = vars(sys)["monitoring"]
        monitoring.set_events(self.TOOL, 0)
        monitoring.free_tool_id(self.TOOL)

    def _line(self, code: CodeType, line: int) -> Any:
        path = self._files.path(code.co_filename)
        if path is not None:
            self.lines.setdefault(path, set()).add(line)
        return self._disable


def line_recorder(files: FileSelection) -> LineTracer | LineMonitor:
    """The best recorder that this Python has."""
    return LineMonitor(files) if hasattr(sys, "monitoring") else LineTracer(files)
