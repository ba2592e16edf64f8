"""What the filters of lists may name, as the contract documents it."""

import enum
import re
from datetime import datetime

from sqlalchemy import ColumnElement

from maestro_services.execution.domain.states import Cause, Disposition, Outcome, RunState, Verdict
from maestro_services.execution.tables import runs, test_cases
from maestro_services.runtime.filters import Field, compile_filter, enum_field, ordered, text_field

_RANGE = ("<", "<=", ">", ">=")
_SECONDS = re.compile(r"^(\d{1,9})(?:\.(\d{1,9}))?s$")


def run_condition(text: str) -> ColumnElement[bool] | None:
    """The condition of a ListRuns filter; FILTER_INVALID if it is none."""
    return compile_filter(text, _RUN_FIELDS)


def test_condition(text: str) -> ColumnElement[bool] | None:
    """The condition of a ListTestCases filter; FILTER_INVALID if it is none."""
    return compile_filter(text, _TEST_FIELDS)


test_condition.__test__ = False  # type: ignore[attr-defined]  # not a test, whatever its name makes a collector believe


def _values(names: type[enum.IntEnum]) -> dict[str, int]:
    return {member.name: member.value for member in names}


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise ValueError('takes an RFC 3339 time such as "2026-01-31T12:00:00Z"')
    return time


def _nanoseconds(text: str) -> int:
    match = _SECONDS.match(text)
    if match is None:
        raise ValueError("takes seconds such as 1.5s")
    return int(match[1]) * 1_000_000_000 + int((match[2] or "").ljust(9, "0"))


def _label(key: str, operator: str, value: str) -> ColumnElement[bool]:
    label: ColumnElement[str] = runs.c.labels[key].as_string()
    if operator == ":":
        if value != "*":
            raise ValueError("takes :* to ask whether it is set, = and != for its value")
        return label.is_not(None)
    return label.is_not_distinct_from(value) if operator == "=" else label.is_distinct_from(value)


_RUN_FIELDS = {
    "state": enum_field(runs.c.state, _values(RunState)),
    "verdict": enum_field(runs.c.verdict, _values(Verdict)),
    "cause": enum_field(runs.c.cause, _values(Cause)),
    "display_name": text_field(runs.c.display_name),
    "labels.*": Field(("=", "!=", ":"), _label),
    "create_time": ordered(runs.c.create_time, _time, *_RANGE),
}

_TEST_FIELDS = {
    "outcome": enum_field(test_cases.c.outcome, _values(Outcome)),
    "disposition": enum_field(test_cases.c.disposition, _values(Disposition)),
    "cause": enum_field(test_cases.c.cause, _values(Cause)),
    "test_id": text_field(test_cases.c.test_id),
    "file": text_field(test_cases.c.file),
    "case_name": text_field(test_cases.c.case_name),
    "duration": ordered(test_cases.c.duration_ns, _nanoseconds, *_RANGE),
}
