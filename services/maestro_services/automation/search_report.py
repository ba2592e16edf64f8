"""The search's result, read as what it is: text that a project's code could have written."""

import json
from dataclasses import dataclass
from typing import Any

from maestro_services.automation.domain.diagnosis import SuspiciousLine
from maestro_services.automation.domain.patch import Edit

MAXIMUM_BYTES = 8 << 20
_LINES = 50
_EDITS = 50


class UnreadableReport(Exception):  # noqa: N818 (it says what the report is)
    """A result that the search did not write, or not whole."""


@dataclass(frozen=True)
class SearchReport:
    """What a search found."""

    stop: str
    message: str
    failing_count: int
    passing_count: int
    generated_count: int
    tried_count: int
    seconds: float
    lines: tuple[SuspiciousLine, ...]
    edits: tuple[Edit, ...]


def read_report(data: bytes) -> SearchReport:
    """The report in a result file."""
    try:
        values: dict[str, Any] = json.loads(data)
        return SearchReport(
            stop=str(values["stop"]),
            message=str(values["message"])[:2000],
            failing_count=int(values["failing_count"]),
            passing_count=int(values["passing_count"]),
            generated_count=int(values["generated_count"]),
            tried_count=int(values["tried_count"]),
            seconds=float(values["baseline_seconds"]) + float(values["search_seconds"]),
            lines=tuple(_line(one) for one in values["lines"][:_LINES]),
            edits=tuple(_edit(one) for one in values["candidates"][:_EDITS]),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnreadableReport(f"the search's result cannot be read: {error!r}") from error


def _line(values: dict[str, Any]) -> SuspiciousLine:
    score = min(max(float(values["score"]), 0.0), 1.0)
    return SuspiciousLine(str(values["path"]), int(values["line"]), str(values["function"]), score)


def _edit(values: dict[str, Any]) -> Edit:
    return Edit(
        path=str(values["path"]),
        start=int(values["start"]),
        end=int(values["end"]),
        before=str(values["before"]),
        after=str(values["after"]),
        line=int(values["line"]),
        column=int(values["column"]),
        function=str(values["function"]),
        family=str(values["family"]),
        safe=bool(values["safe"]),
        priority=max(float(values["priority"]), 0.01),
        case_count=int(values["case_count"]),
    )
