"""One test while it runs."""

from __future__ import annotations

import time
from typing import Any

from .failures import describe_report


class Case:
    """Gathers the reports of one test and says how it ended."""

    __slots__ = ("_duration", "_erred", "_failed", "_failures", "_order", "_reason", "_special", "start")

    def __init__(self, order: int) -> None:
        self.start = time.time()
        self._order = order
        self._begin()

    def _begin(self) -> None:
        self._duration = 0.0
        self._erred = self._failed = False
        self._failures: list[dict[str, Any]] = []
        self._special: str | None = None
        self._reason = ""

    def add(self, report: Any) -> None:
        """Takes in the report of a phase, or of a subtest."""
        if report.outcome == "rerun":
            self._begin()
            return
        self._duration += getattr(report, "duration", 0.0)
        if report.outcome == "failed":
            self._add_failure(report)
        elif report.outcome == "skipped" and not hasattr(report, "context"):
            self._special = "XFAIL" if hasattr(report, "wasxfail") else "SKIP"
            self._reason = _reason(report)
        elif report.when == "call" and hasattr(report, "wasxfail"):
            self._special, self._reason = "XPASS", _reason(report)

    def _add_failure(self, report: Any) -> None:
        if report.when == "call":
            self._failed = True
        else:
            self._erred = True
        phase = report.when if report.when in ("setup", "call", "teardown") else "call"
        self._failures.append(describe_report(report, phase))

    @property
    def outcome(self) -> str:
        """The outcome's name in the contract: an error weighs most, a mark counts only where nothing went wrong."""
        if self._erred:
            return "ERROR"
        return "FAIL" if self._failed else self._special or "PASS"

    def ended(self, test_id: str) -> dict[str, Any]:
        """The event that says how it ended."""
        outcome = self.outcome
        event: dict[str, Any] = {"e": "end", "id": test_id, "outcome": outcome, "start": self.start}
        event["duration"], event["order"] = self._duration, self._order
        if outcome in ("SKIP", "XFAIL", "XPASS"):
            event["reason"] = self._reason
        if self._failures:
            event["failures"] = self._failures
        return event


def _reason(report: Any) -> str:
    marked = getattr(report, "wasxfail", None)
    if marked is not None:
        return str(marked).replace("reason: ", "", 1).strip()
    text = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    prefix = "Skipped: "
    return text[len(prefix) :] if text.startswith(prefix) else text  # noqa: FURB188 -- Python 3.8 has no removeprefix
