"""Changes of a run inside a transaction: announced, counted, finalized. Every other store builds on them.

Whoever changes a run or its actions locks the run's row first, so that no two wait for each other, and announces the
change before it writes rows, so that the sequence numbers in a run's rows become visible in their order.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, insert, literal, select, update

from maestro_services.execution.domain.counts import Tally
from maestro_services.execution.domain.run import Run
from maestro_services.execution.domain.states import ActionState, Cause, Disposition, Outcome, RunState
from maestro_services.execution.domain.verdict import Decision, Facts, decide
from maestro_services.execution.store.rows import run_of
from maestro_services.execution.tables import actions, interrupted_attempts, runs, test_cases
from maestro_services.runtime.database import Transaction

Encode = Callable[[Run], bytes]
"""Writes a run as the outbox carries it."""


def project_topic(project: str) -> str:
    """The outbox topic on which a project's runs are announced when their state changes."""
    return f"projects/{project}/runs"


async def lock_run(transaction: Transaction, run_key: int) -> RowMapping:
    """The row of a run, which nobody else changes until the end of the transaction."""
    statement = select(runs).where(runs.c.key == run_key).with_for_update()
    return (await transaction.execute(statement)).mappings().one()


async def lock_action(
    transaction: Transaction, *conditions: ColumnElement[bool]
) -> tuple[RowMapping, RowMapping] | None:
    """The rows of the action that meets the conditions, and of its run, locked; None if there is none."""
    run_key = (await transaction.execute(select(actions.c.run).where(*conditions))).scalar_one_or_none()
    if run_key is None:
        return None
    run = await lock_run(transaction, run_key)
    # It may have changed while the lock was waited for.
    action = (await transaction.execute(select(actions).where(*conditions))).mappings().one_or_none()
    return None if action is None else (action, run)


class RunChange:
    """A change of one locked run: `begin` it, write what belongs to it, `save` it."""

    def __init__(self, transaction: Transaction, row: RowMapping, now: datetime, encode: Encode) -> None:
        self.transaction = transaction
        self.before = run_of(row)
        self.sequence = 0
        self.tally = Tally()
        self.now = now
        self._stdout_bytes: int = row["stdout_bytes"]
        self._stderr_bytes: int = row["stderr_bytes"]
        self._values: dict[str, Any] = {}
        self._encode = encode

    async def begin(self) -> None:
        """Announces the change; `sequence` is its number from here on."""
        self.sequence = await self.transaction.publish(self.before.topic, self.before.run_id, b"")

    @property
    def printed(self) -> tuple[int, int]:
        """How many bytes stand in the run's own stdout and stderr so far."""
        return self._stdout_bytes, self._stderr_bytes

    def set(self, **values: Any) -> None:
        """Sets columns of the run."""
        self._values |= values

    async def save(self) -> None:
        """Writes the run; announces it to the watchers of its project if its state changed."""
        counts = self.before.counts.plus(self.tally)
        counted = {name: getattr(counts, name) for name in self.tally.changes}
        values = counted | self._values | {"change_sequence": self.sequence, "update_time": self.now}
        await self.transaction.execute(update(runs).where(runs.c.key == self.before.key).values(values))
        if values.get("state", self.before.state) != self.before.state:
            await announce(self.transaction, self.before.key, self._encode)

    async def finalize(self, action_key: int, proposal: Decision) -> None:
        """Ends an action and its run with the verdict that the results allow. Tests that still run were interrupted."""
        cancelled = self.before.state is RunState.CANCELLING
        cause = Cause.CANCELLED if cancelled else proposal.cause or Cause.EXIT_CODE
        await self._interrupt_tests(cause)
        counts = self.before.counts.plus(self.tally)
        decision = decide(proposal, Facts(counts, suite=self.before.suite, cancelled=cancelled))
        if cancelled and self.before.status_message:
            decision = replace(decision, message=f"It was cancelled: {self.before.status_message}")
        await self.end_action(action_key, decision)
        self.set_verdict(decision)

    def set_verdict(self, decision: Decision) -> None:
        """Finalizes the run with a verdict; written once, because a finalized run is never changed again."""
        self.set(
            state=int(RunState.FINALIZED),
            verdict=int(decision.verdict),
            cause=int(decision.cause),
            status_message=decision.message,
            end_time=self.now,
        )

    async def end_action(self, action_key: int, decision: Decision) -> None:
        """Ends an action with a verdict."""
        values = {
            "state": int(ActionState.FINALIZED),
            "verdict": int(decision.verdict),
            "cause": int(decision.cause),
            "status_message": decision.message,
            "update_time": self.now,
            "end_time": self.now,
        }
        await self.transaction.execute(update(actions).where(actions.c.key == action_key).values(values))

    async def _interrupt_tests(self, cause: Cause) -> None:
        values = {
            "disposition": int(Disposition.INTERRUPTED),
            "outcome": int(Outcome.ERROR),
            "cause": int(cause),
            "change_sequence": self.sequence,
        }
        count = (await self.transaction.execute(self._running_tests().values(values))).rowcount
        if count:
            self.tally.add("interrupted", count)
            self.tally.add("errors", count)

    async def release_tests(self, cause: Cause) -> None:
        """Makes the tests that ran wait again; that they were cut short is kept as an earlier attempt."""
        running = (test_cases.c.run == self.before.key, test_cases.c.disposition == int(Disposition.RUNNING))
        cut_short = select(
            test_cases.c.run,
            test_cases.c.position,
            test_cases.c.attempt_number,
            literal(int(cause)),
            test_cases.c.start_time_us,
        ).where(*running)
        columns = ["run", "position", "attempt_number", "cause", "start_time_us"]
        await self.transaction.execute(insert(interrupted_attempts).from_select(columns, cut_short))
        waiting = {"disposition": int(Disposition.NOT_STARTED), "change_sequence": self.sequence}
        await self.transaction.execute(self._running_tests().values(waiting))

    def _running_tests(self) -> Any:
        return update(test_cases).where(
            test_cases.c.run == self.before.key, test_cases.c.disposition == int(Disposition.RUNNING)
        )


async def announce(transaction: Transaction, run_key: int, encode: Encode) -> None:
    """Tells the watchers of a project what a run is now."""
    run = run_of((await transaction.execute(select(runs).where(runs.c.key == run_key))).mappings().one())
    await transaction.publish(project_topic(run.project), run.run_id, encode(run))
