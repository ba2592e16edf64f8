# ruff: noqa: PTH100, PTH206 -- pathlib costs too much where it runs for each test
"""What went wrong, as plain data."""

from __future__ import annotations

import io
import os
from typing import Any

import pytest

MAX_MESSAGE_BYTES = 16 * 1024
MAX_TRACE_BYTES = 256 * 1024
_FOREIGN = ("site-packages", "dist-packages", ".venv", "venv", ".tox", ".nox")
_ASSERTIONS = (AssertionError, pytest.fail.Exception)


def describe_exception(error: BaseException, phase: str, root: str) -> dict[str, Any]:
    """Describes an exception that a test, a fixture or a module raised."""
    cause = "ASSERTION" if isinstance(error, _ASSERTIONS) else "EXCEPTION"
    if isinstance(error, MemoryError):
        cause = "OUT_OF_MEMORY"
    file, line = _deepest_frame(error, root)
    kind = type(error)
    return {
        "message": cut(_text(error), MAX_MESSAGE_BYTES),
        "type": f"{kind.__module__}.{kind.__qualname__}",
        "file": file,
        "line": line,
        "phase": phase,
        "cause": cause,
    }


def describe_report(report: Any, phase: str) -> dict[str, Any]:
    """Describes the failure of a report, with what was known of its exception when it was made."""
    failure = getattr(report, "maestro_failure", None)
    trace = _trace(report)
    if failure is None:
        failure = {"message": cut(_crash_message(report) or trace, MAX_MESSAGE_BYTES), "phase": phase}
        failure["cause"] = "ASSERTION" if phase == "call" else "EXCEPTION"
    explained = getattr(report.longrepr, "errorstring", None)
    if explained:
        # pytest's own words, such as for a fixture that does not exist; the exception's are for machines.
        failure = {**failure, "message": cut(explained, MAX_MESSAGE_BYTES)}
    return {**failure, "trace": cut_middle(trace, MAX_TRACE_BYTES)}


def _trace(report: Any) -> str:
    """What pytest prints of a report. Its own `longreprtext` takes the first line's indent away."""
    try:
        from _pytest._io import TerminalWriter
    except ImportError:
        return _text(getattr(report, "longreprtext", "") or report.longrepr or "")
    written = io.StringIO()
    writer = TerminalWriter(written)
    writer.hasmarkup = False
    report.toterminal(writer)
    return written.getvalue().strip("\n") or _text(report.longrepr or "")


def collection_cause(error: BaseException) -> BaseException:
    """The project's own exception behind pytest's "error while importing"."""
    wrapped = isinstance(error, pytest.Collector.CollectError)
    return (error.__cause__ or error.__context__ or error) if wrapped else error


def cut(text: str, limit: int) -> str:
    """Shortens a text to so many bytes, and says so."""
    if len(text) <= limit // 4:
        return text
    data = text.encode("utf-8", "backslashreplace")
    if len(data) <= limit:
        return text
    note = f"\n[cut: {len(data)} bytes]"
    return data[: limit - len(note)].decode("utf-8", "ignore") + note


def cut_middle(text: str, limit: int) -> str:
    """Takes out the middle of a text that is longer than so many bytes, and says so."""
    if len(text) <= limit // 4:
        return text
    data = text.encode("utf-8", "backslashreplace")
    if len(data) <= limit:
        return text
    note = f"\n[cut: {len(data)} bytes in all]\n"
    half = (limit - len(note)) // 2
    return data[:half].decode("utf-8", "ignore") + note + data[-half:].decode("utf-8", "ignore")


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - the project's own __str__ may raise anything
        return f"<{type(value).__name__} whose text raises {type(error).__name__}>"


def _crash_message(report: Any) -> str | None:
    crash = getattr(report.longrepr, "reprcrash", None)
    return getattr(crash, "message", None)


def _deepest_frame(error: BaseException, root: str) -> tuple[str, int]:
    found = ("", 0)
    if isinstance(error, SyntaxError) and error.filename:
        found = (_inside(error.filename, root), error.lineno or 0)
    trace = error.__traceback__
    while trace is not None:
        file = _inside(trace.tb_frame.f_code.co_filename, root)
        if (file and not found[0]) or (file and not isinstance(error, SyntaxError)):
            found = (file, trace.tb_lineno)
        trace = trace.tb_next
    return found if found[0] else ("", 0)


def _inside(file: str, root: str) -> str:
    path = os.path.abspath(file)
    if not path.startswith(root + os.sep):
        return ""
    relative = path[len(root) + 1 :]
    return "" if any(part in _FOREIGN for part in relative.split(os.sep)) else relative
