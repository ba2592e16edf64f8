"""Leases: work given to workers, renewed while they live, taken back when they are lost."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, func, insert, select, update

from maestro_services.execution.domain.run import HeldLease, LeasedAction
from maestro_services.execution.domain.schedule import QueueHead, choose
from maestro_services.execution.domain.states import ActionState, Cause, RunState, Verdict
from maestro_services.execution.domain.verdict import Decision, explain
from maestro_services.execution.store.changes import Encode, RunChange, lock_action
from maestro_services.execution.tables import actions, runs
from maestro_services.runtime.clock import Clock
from maestro_services.runtime.database import Database, Transaction
from maestro_services.runtime.ids import new_id, new_uid

# Everybody who waits for work watches this topic.
QUEUE_TOPIC = "queue"

_RUNNING = int(ActionState.RUNNING)
_QUEUED = int(ActionState.QUEUED)


def new_action(run_key: int, project: str, attempt_number: int, now: datetime) -> dict[str, Any]:
    """The row of an action that waits for a worker."""
    return {
        "run": run_key,
        "project": project,
        "action_id": new_id(),
        "uid": new_uid(),
        "attempt_number": attempt_number,
        "state": _QUEUED,
        "verdict": 0,
        "cause": 0,
        "status_message": "",
        "execution": b"",
        "worker_id": "",
        "create_time": now,
        "update_time": now,
    }


class LeaseStore:
    """Leases in the database; every move is one transaction."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        encode: Encode,
        encode_worker: Callable[[str], bytes],
        lease_ttl: timedelta,
    ) -> None:
        self._database = database
        self._clock = clock
        self._encode = encode
        self._encode_worker = encode_worker
        self._lease_ttl = lease_ttl

    async def lease_next(self, worker_id: str) -> LeasedAction | None:
        """Leases the next queued action to a worker, or None if nothing waits."""
        async with self._database.read() as connection:
            waiting = await connection.execute(select(actions.c.key).where(actions.c.state == _QUEUED).limit(1))
            if waiting.first() is None:
                return None
        async with self._database.write() as transaction:
            head = choose(await self._heads(transaction))
            return None if head is None else await self._lease(transaction, head.action_key, worker_id)

    async def _heads(self, transaction: Transaction) -> list[QueueHead]:
        running = (
            select(actions.c.project, func.count().label("count"))
            .where(actions.c.state == _RUNNING)
            .group_by(actions.c.project)
            .subquery()
        )
        oldest = (
            select(actions.c.project, func.min(actions.c.key).label("key"))
            .where(actions.c.state == _QUEUED)
            .group_by(actions.c.project)
            .subquery()
        )
        statement = select(
            oldest.c.key, oldest.c.project, func.coalesce(running.c.count, 0).label("running")
        ).select_from(oldest.outerjoin(running, running.c.project == oldest.c.project))
        rows = (await transaction.execute(statement)).all()
        return [QueueHead(row.key, row.project, row.running) for row in rows]

    async def _lease(self, transaction: Transaction, action_key: int, worker_id: str) -> LeasedAction | None:
        # Another replica may have been faster; then this worker looks again.
        found = await lock_action(transaction, actions.c.key == action_key, actions.c.state == _QUEUED)
        if found is None:
            return None
        action, row = found
        change = RunChange(transaction, row, self._clock(), self._encode)
        await change.begin()
        lease = await self._hand_out(change, action_key, worker_id)
        run = change.before
        if run.state is RunState.QUEUED:
            change.set(state=int(RunState.RUNNING), start_time=change.now)
        await change.save()
        name = f"{run.name}/actions/{action['action_id']}"
        return LeasedAction(lease, run.project, run.key, run.run_id, name, run.spec, action["attempt_number"])

    async def _hand_out(self, change: RunChange, action_key: int, worker_id: str) -> str:
        lease = new_id()
        values = {
            "state": _RUNNING,
            "lease": lease,
            "worker_id": worker_id,
            "lease_expire_time": change.now + self._lease_ttl,
            "execution": self._encode_worker(worker_id),
            "start_time": change.now,
            "update_time": change.now,
        }
        await change.transaction.execute(update(actions).where(actions.c.key == action_key).values(values))
        return lease

    async def renew(self, worker_id: str, leases: Sequence[str]) -> list[HeldLease]:
        """Renews a worker's leases; answers those that are still its own, in no order."""
        if not leases:
            return []
        held = (actions.c.lease.in_(leases), actions.c.worker_id == worker_id)
        statement = (
            select(
                actions.c.lease,
                actions.c.acknowledged,
                (actions.c.state == _RUNNING).label("running"),
                (runs.c.state == int(RunState.CANCELLING)).label("cancelling"),
            )
            .select_from(actions.join(runs, runs.c.key == actions.c.run))
            .where(*held)
        )
        expire_time = self._clock() + self._lease_ttl
        async with self._database.write() as transaction:
            renewed = update(actions).where(*held, actions.c.state == _RUNNING)
            await transaction.execute(renewed.values(lease_expire_time=expire_time))
            rows = (await transaction.execute(statement)).all()
        return [HeldLease(row.lease, row.acknowledged, row.running, row.cancelling) for row in rows]

    async def abandon(self, worker_id: str, kept: Sequence[str]) -> None:
        """Takes back what a worker holds but those it names: it came back without the others.

        Work of which it never reported anything did not reach it, and waits again as it was.
        """
        mine = (actions.c.state == _RUNNING, actions.c.worker_id == worker_id)
        async with self._database.read() as connection:
            found = (await connection.execute(select(actions.c.key, actions.c.lease).where(*mine))).all()
        for key, lease in found:
            if lease not in kept:
                await self._take_back(key, None)

    async def extend_all(self) -> None:
        """Gives every lease a fresh time to live: a server that starts was away, not its workers."""
        expire_time = self._clock() + self._lease_ttl
        running = update(actions).where(actions.c.state == _RUNNING)
        async with self._database.write() as transaction:
            await transaction.execute(running.values(lease_expire_time=expire_time))

    async def expire(self) -> list[str]:
        """Takes back the work of every lease that has expired; answers those leases."""
        now = self._clock()
        late = (actions.c.state == _RUNNING, actions.c.lease_expire_time < now)
        async with self._database.read() as connection:
            found = (await connection.execute(select(actions.c.key, actions.c.lease).where(*late))).all()
        return [lease for key, lease in found if await self._take_back(key, now)]

    async def _take_back(self, action_key: int, expired_at: datetime | None) -> bool:
        """Ends a lost action and queues the next attempt, if there is one left; False if it was renewed meanwhile."""
        async with self._database.write() as transaction:
            conditions = [actions.c.key == action_key, actions.c.state == _RUNNING]
            if expired_at is not None:
                conditions.append(actions.c.lease_expire_time < expired_at)
            found = await lock_action(transaction, *conditions)
            if found is None:
                return False
            action, run = found
            change = RunChange(transaction, run, self._clock(), self._encode)
            await change.begin()
            if expired_at is None and not action["acknowledged"]:
                await self._queue_again(change, action_key)
            else:
                await transaction.execute(update(actions).where(actions.c.key == action_key).values(lease=None))
                await self._begin_again(change, action)
            await change.save()
            return True

    async def _queue_again(self, change: RunChange, action_key: int) -> None:
        if change.before.state is RunState.CANCELLING:
            await change.finalize(action_key, Decision(Verdict.CANCELLED, Cause.CANCELLED))
            return
        values = {"state": _QUEUED, "lease": None, "worker_id": "", "execution": b"", "start_time": None}
        await change.transaction.execute(update(actions).where(actions.c.key == action_key).values(values))
        await change.transaction.publish(QUEUE_TOPIC, change.before.run_id, b"")

    async def _begin_again(self, change: RunChange, action: RowMapping) -> None:
        run = change.before
        lost = Decision(Verdict.INFRA_FAILED, Cause.WORKER_LOST, "The worker was lost and no attempt is left.")
        if run.state is RunState.CANCELLING or action["attempt_number"] >= run.max_attempts:
            await change.finalize(action["key"], lost)
            return
        message = explain(Verdict.INCOMPLETE, Cause.WORKER_LOST, run.counts)
        await change.end_action(action["key"], Decision(Verdict.INCOMPLETE, Cause.WORKER_LOST, message))
        await change.release_tests(Cause.WORKER_LOST)
        next_attempt = new_action(run.key, run.project, action["attempt_number"] + 1, change.now)
        await change.transaction.execute(insert(actions).values(next_attempt))
        await change.transaction.publish(QUEUE_TOPIC, run.run_id, b"")
