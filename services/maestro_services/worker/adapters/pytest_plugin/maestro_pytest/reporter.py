"""The hooks that watch pytest."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

from .capture import RawCapture
from .case import Case
from .channel import Channel
from .failures import collection_cause, cut, describe_exception

_COLLECTED_PER_EVENT = 200
_STREAMS = ("stdout", "stderr")


class Reporter:
    """Sends an event for each thing that pytest reports.

    Without a channel (in a process that pytest started to spread the tests) it only adds to the reports what gets
    lost when they travel.
    """

    def __init__(
        self, config: pytest.Config, channel: Channel | None, root: str, capture: RawCapture | None = None
    ) -> None:
        self._config = config
        self._channel = channel
        self._capture = capture or RawCapture()
        self._root = root
        self._prefix = os.path.relpath(str(config.rootpath), root).replace(os.sep, "/")
        self._cases: dict[str, Case] = {}
        self._started_count = 0
        self._send({"e": "session", "pytest": pytest.__version__})

    def _send(self, event: dict[str, Any]) -> None:
        if self._channel is not None:
            self._channel.send(event)

    def _describe(self, test_id: str, location: tuple[str, int | None, str]) -> list[Any]:
        path, _, rest = test_id.partition("::")
        names, bracket, parameters = rest.partition("[")
        suites = [path, *names.split("::")[:-1]]
        case_name = names.split("::")[-1]
        file = location[0].replace(os.sep, "/")
        if self._prefix != ".":
            file = os.path.normpath(f"{self._prefix}/{file}").replace(os.sep, "/")
        line = 0 if location[1] is None else location[1] + 1
        return [test_id, suites, case_name, parameters[:-1] if bracket else "", file, line]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Sends the tests that will run."""
        if self._channel is None or self._config.getoption("collectonly", False):
            return
        selection = self._config.pluginmanager.getplugin("maestro-selection")
        self._send({"e": "selected", "count": len(session.items), "removed": getattr(selection, "removed_count", 0)})
        for start in range(0, len(session.items), _COLLECTED_PER_EVENT):
            items = session.items[start : start + _COLLECTED_PER_EVENT]
            self._send({"e": "collected", "tests": [self._describe(item.nodeid, item.location) for item in items]})

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Sends that a test starts."""
        self._send({"e": "start", "id": nodeid, "start": self._case(nodeid).start})

    def _case(self, test_id: str) -> Case:
        case = self._cases.get(test_id)
        if case is None:
            self._started_count += 1
            case = self._cases[test_id] = Case(self._started_count)
        return case

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
        """Keeps what is known of an exception only here."""
        outcome = yield
        if call.excinfo is None:
            return
        report = outcome.get_result()
        if report.outcome == "failed":
            report.maestro_failure = describe_exception(call.excinfo.value, call.when, self._root)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Takes in a phase of a test, and sends what it printed."""
        if self._channel is None:
            return
        self._case(report.nodeid).add(report)
        self._send_output(report.nodeid, report)

    def _send_output(self, test_id: str, report: Any) -> None:
        for stream in _STREAMS:
            heard = self._capture.hears(stream)
            data = self._capture.take(stream) if heard else _section(report, stream)
            if data and self._channel is not None:
                self._channel.send_output(test_id, stream, data)

    def pytest_runtest_logfinish(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        """Sends how a test ended."""
        case = self._cases.pop(nodeid, None)
        if case is None or self._channel is None:
            return
        event = case.ended(nodeid)
        if self._config.pluginmanager.hasplugin("dsession"):
            event["test"] = self._describe(nodeid, location)
        self._send(event)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, Any, None]:
        """Keeps what is known of an exception only here."""
        outcome = yield
        report = outcome.get_result()
        call = getattr(report, "call", None)
        if report.outcome == "failed" and call is not None and call.excinfo is not None:
            error = collection_cause(call.excinfo.value)
            report.maestro_failure = describe_exception(error, "collect", self._root)

    def pytest_collectreport(self, report: Any) -> None:
        """Sends a module that could not be collected, or skips itself, as a test of its own."""
        if self._channel is None or report.outcome == "passed":
            return
        test_id = report.nodeid or "."
        self._send_output(test_id, report)
        self._started_count += 1
        case = Case(self._started_count)
        report.when = "collect"
        case.add(report)
        event = case.ended(test_id)
        event["e"] = "module"
        event["test"] = [test_id, [test_id.split("::")[0]], test_id.split("::")[-1], "", self._file(test_id), 0]
        for failure in event.get("failures", ()):
            failure["phase"] = "collect"
        self._send(event)

    def _file(self, test_id: str) -> str:
        return os.path.normpath(f"{self._prefix}/{test_id.split('::', maxsplit=1)[0]}").replace(os.sep, "/")

    def pytest_internalerror(self, excrepr: object) -> None:
        """Sends that pytest itself broke."""
        lines = [line for line in str(excrepr).splitlines() if line.strip()] or [""]
        self._send({"e": "broken", "message": cut(lines[-1], 1024)})

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Sends that the project ended the session."""
        self._send({"e": "interrupted", "message": cut(excinfo.exconly(), 1024)})

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Sends that the session ended, after all others had their say about its exit code."""
        yield
        self._send({"e": "finish", "code": int(session.exitstatus), "failed": session.testsfailed})


def _section(report: Any, stream: str) -> bytes:
    title = f"Captured {stream} {report.when}"
    text = "".join(content for name, content in report.sections if name == title)
    return text.encode("utf-8", "surrogateescape")
