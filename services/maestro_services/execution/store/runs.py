"""Runs: created, read, listed, cancelled."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, update

from maestro_services.execution.domain.run import NewRun, Run
from maestro_services.execution.domain.states import ActionState, Cause, RunState, Verdict
from maestro_services.execution.domain.verdict import Decision
from maestro_services.execution.store.changes import Encode, RunChange, announce, lock_run
from maestro_services.execution.store.leases import QUEUE_TOPIC, new_action
from maestro_services.execution.store.rows import run_of
from maestro_services.execution.tables import actions, runs
from maestro_services.runtime.clock import Clock
from maestro_services.runtime.context import name_resource
from maestro_services.runtime.database import Database, Transaction
from maestro_services.runtime.errors import Reason, ServiceError, not_found, wrong_state

# Sessions with workers watch this topic to pass cancellations on.
CANCEL_TOPIC = "cancellations"


class RunStore:
    """Runs in the database."""

    def __init__(self, database: Database, clock: Clock, encode: Encode, max_queued_runs: int) -> None:
        self._database = database
        self._clock = clock
        self._encode = encode
        self._max_queued_runs = max_queued_runs

    async def create(self, transaction: Transaction, new: NewRun) -> Run:
        """Queues a run with its first action. LIMIT_EXCEEDED if too many of the project wait."""
        await self._check_queue(transaction, new.project)
        values = _values(new)
        inserted = insert(runs).values(values).returning(runs.c.key)
        key: int = (await transaction.execute(inserted)).scalar_one()
        action = new_action(key, new.project, 1, new.create_time)
        await transaction.execute(insert(actions).values(action))
        run = run_of((await transaction.execute(select(runs).where(runs.c.key == key))).mappings().one())
        name_resource(run.name)
        sequence = await transaction.publish(run.topic, run.run_id, b"")
        await transaction.execute(update(runs).where(runs.c.key == key).values(change_sequence=sequence))
        await announce(transaction, key, self._encode)
        await transaction.publish(QUEUE_TOPIC, run.run_id, b"")
        return replace(run, change_sequence=sequence)

    async def _check_queue(self, transaction: Transaction, project: str) -> None:
        queued = (actions.c.state == int(ActionState.QUEUED), actions.c.project == project)
        count = (await transaction.execute(select(func.count()).select_from(actions).where(*queued))).scalar_one()
        if count >= self._max_queued_runs:
            message = f"project {project} has {count} runs queued, the limit is {self._max_queued_runs}; wait"
            limit = str(self._max_queued_runs)
            raise ServiceError(Reason.LIMIT_EXCEEDED, message, retry_after=5.0, limit="queued_runs", value=limit)

    async def get(self, project: str, run_id: str) -> Run:
        """A run; RESOURCE_NOT_FOUND if the project has none of that id."""
        async with self._database.read() as connection:
            found = await connection.execute(_by_name(project, run_id))
            row = found.mappings().one_or_none()
        if row is None:
            raise not_found(f"projects/{project}/runs/{run_id}")
        return run_of(row)

    async def list(self, project: str, condition: ColumnElement[bool] | None, before: str, limit: int) -> Sequence[Run]:
        """Runs of a project, newest first, older than the id `before` (all for "")."""
        statement = select(runs).where(runs.c.project == project).order_by(runs.c.run_id.desc()).limit(limit)
        if before:
            statement = statement.where(runs.c.run_id < before)
        if condition is not None:
            statement = statement.where(condition)
        async with self._database.read() as connection:
            return [run_of(row) for row in (await connection.execute(statement)).mappings()]

    async def cancel(self, transaction: Transaction, project: str, run_id: str, reason: str) -> Run:
        """Finalizes a queued run at once, asks the worker of a running one to end it.

        Again while it is being cancelled it changes nothing; a finalized run is STATE_INVALID.
        """
        found = (await transaction.execute(_by_name(project, run_id).with_for_update())).mappings().one_or_none()
        if found is None:
            raise not_found(f"projects/{project}/runs/{run_id}")
        run = run_of(found)
        if run.state is RunState.CANCELLING:
            return run
        if run.state is RunState.FINALIZED:
            raise wrong_state(run.name, run.state.name, "cancel")
        change = RunChange(transaction, found, self._clock(), self._encode)
        await change.begin()
        await self._cancel(change, reason)
        await change.save()
        return run_of(await lock_run(transaction, run.key))

    async def _cancel(self, change: RunChange, reason: str) -> None:
        """A run that waits for a worker, at first or again after one was lost, has no process to end."""
        waiting = select(actions.c.key).where(
            actions.c.run == change.before.key, actions.c.state == int(ActionState.QUEUED)
        )
        queued = (await change.transaction.execute(waiting)).scalars().first()
        if queued is None:
            change.set(state=int(RunState.CANCELLING), status_message=reason)
            await change.transaction.publish(CANCEL_TOPIC, change.before.run_id, b"")
            return
        message = f"It was cancelled: {reason}" if reason else "It was cancelled before a worker took it."
        decision = Decision(Verdict.CANCELLED, Cause.CANCELLED, message)
        await change.end_action(queued, decision)
        change.set_verdict(decision)


def _by_name(project: str, run_id: str) -> Any:
    return select(runs).where(runs.c.project == project, runs.c.run_id == run_id)


def _values(new: NewRun) -> dict[str, Any]:
    return {
        "project": new.project,
        "run_id": new.run_id,
        "uid": new.uid,
        "spec": new.spec,
        "suite": new.suite,
        "max_attempts": new.max_attempts,
        "display_name": new.display_name,
        "labels": new.labels,
        "creator_kind": new.creator.kind,
        "creator_subject": new.creator.subject,
        "creator_name": new.creator.display_name,
        "state": int(RunState.QUEUED),
        "verdict": 0,
        "cause": 0,
        "status_message": "",
        "output_files": b"",
        "change_sequence": 0,
        "create_time": new.create_time,
        "update_time": new.create_time,
    }
