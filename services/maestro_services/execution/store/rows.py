"""Rows to domain objects, and the columns that make them."""

from dataclasses import fields
from typing import Any

from sqlalchemy import Row, RowMapping, Select, select

from maestro_services.execution.domain.counts import TestCounts
from maestro_services.execution.domain.run import Action, Attempt, Creator, Run, TestCase
from maestro_services.execution.domain.states import ActionState, Cause, Disposition, Outcome, RunState, Verdict
from maestro_services.execution.tables import actions, test_cases, test_failures

COUNTS = tuple(field.name for field in fields(TestCounts))
_SUITE_SEPARATOR = "\x1f"


def counts_of(row: RowMapping) -> TestCounts:
    """The counts in a row of runs."""
    return TestCounts(**{name: row[name] for name in COUNTS})


def run_of(row: RowMapping) -> Run:
    """A run from a whole row of runs."""
    return Run(
        key=row["key"],
        project=row["project"],
        run_id=row["run_id"],
        uid=row["uid"],
        spec=bytes(row["spec"]),
        suite=row["suite"],
        max_attempts=row["max_attempts"],
        display_name=row["display_name"],
        labels=dict(row["labels"]),
        creator=Creator(row["creator_kind"], row["creator_subject"], row["creator_name"]),
        state=RunState(row["state"]),
        verdict=Verdict(row["verdict"]),
        cause=Cause(row["cause"]),
        status_message=row["status_message"],
        counts=counts_of(row),
        output_files=bytes(row["output_files"]),
        change_sequence=row["change_sequence"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        start_time=row["start_time"],
        end_time=row["end_time"],
    )


def action_of(row: RowMapping, run_name: str) -> Action:
    """An action from a whole row of actions."""
    return Action(
        key=row["key"],
        run_key=row["run"],
        run_name=run_name,
        action_id=row["action_id"],
        uid=row["uid"],
        attempt_number=row["attempt_number"],
        worker_id=row["worker_id"],
        state=ActionState(row["state"]),
        verdict=Verdict(row["verdict"]),
        cause=Cause(row["cause"]),
        status_message=row["status_message"],
        execution=bytes(row["execution"]),
        create_time=row["create_time"],
        update_time=row["update_time"],
        start_time=row["start_time"],
        end_time=row["end_time"],
    )


def select_actions(run_key: int) -> Select[Any]:
    """The actions of a run, by attempt."""
    return select(actions).where(actions.c.run == run_key).order_by(actions.c.key)


def select_tests(run_key: int) -> Select[Any]:
    """The tests of a run with what went wrong in them, in no order."""
    at_test = (test_failures.c.run == test_cases.c.run) & (test_failures.c.position == test_cases.c.position)
    return (
        select(test_cases, test_failures.c.failures)
        .select_from(test_cases.outerjoin(test_failures, at_test))
        .where(test_cases.c.run == run_key)
    )


def test_of(row: Row[Any], run_name: str, earlier: tuple[Attempt, ...]) -> TestCase:
    """A test from a row of `select_tests`."""
    return TestCase(
        run_name=run_name,
        test_key=row.test_key,
        position=row.position,
        change_sequence=row.change_sequence,
        test_id=row.test_id,
        suite_path=tuple(row.suite_path.split(_SUITE_SEPARATOR)) if row.suite_path else (),
        case_name=row.case_name,
        parameters=row.parameters,
        file=row.file,
        line=row.line,
        disposition=Disposition(row.disposition),
        outcome=Outcome(row.outcome),
        cause=Cause(row.cause),
        reason=row.reason,
        failures=bytes(row.failures or b""),
        start_time_us=row.start_time_us,
        duration_ns=row.duration_ns,
        order_index=row.order_index,
        attempt_number=row.attempt_number,
        stdout_bytes=row.stdout_bytes,
        stderr_bytes=row.stderr_bytes,
        earlier_attempts=earlier,
    )
