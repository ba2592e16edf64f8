"""Batches of events: committed whole, counted once."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import RowMapping, update

from maestro_services.execution.domain.batch import COLLECTED, Batch, Output
from maestro_services.execution.domain.states import ENDED, ActionState, LogStream
from maestro_services.execution.store import bulk
from maestro_services.execution.store.changes import Encode, RunChange, lock_action
from maestro_services.execution.tables import actions
from maestro_services.runtime.clock import Clock
from maestro_services.runtime.database import Database
from maestro_services.runtime.errors import Reason, ServiceError


class BatchStore:
    """Writes batches of events."""

    def __init__(self, database: Database, clock: Clock, encode: Encode, lease_ttl: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._encode = encode
        self._lease_ttl = lease_ttl

    async def commit(self, lease: str, worker_id: str, batch: Batch) -> bool:
        """Commits a batch and renews its lease, all in one transaction; False if the lease is not the worker's.

        A batch that is committed already changes nothing. SEQUENCE_MISMATCH if it does not follow the last one.
        """
        async with self._database.write() as transaction:
            held = (actions.c.lease == lease, actions.c.worker_id == worker_id)
            found = await lock_action(transaction, *held)
            if found is None:
                return False
            action, run = found
            if action["state"] == ActionState.RUNNING and batch.last_sequence > action["acknowledged"]:
                _check_sequence(action["acknowledged"] + 1, batch.first_sequence)
                await self._write(RunChange(transaction, run, self._clock(), self._encode), action, batch)
            return True

    async def _write(self, change: RunChange, action: RowMapping, batch: Batch) -> None:
        await change.begin()
        await BatchRows(change, action, batch).write()
        renewed = {
            "acknowledged": batch.last_sequence,
            "lease_expire_time": change.now + self._lease_ttl,
            "update_time": change.now,
        }
        if batch.execution:
            renewed["execution"] = bytes(action["execution"]) + batch.execution
        await change.transaction.execute(update(actions).where(actions.c.key == action["key"]).values(renewed))
        if batch.finish is not None:
            change.set(output_files=batch.finish.output_files)
            await change.finalize(action["key"], batch.finish.proposal)
        await change.save()


def _check_sequence(expected: int, received: int) -> None:
    if received != expected:
        message = f"the batch begins with event {received}, event {expected} is expected; connect again and resend"
        raise ServiceError(Reason.SEQUENCE_MISMATCH, message, expected=str(expected), received=str(received))


class BatchRows:
    """The rows of one batch: new tests, changed tests, what went wrong, and output."""

    def __init__(self, change: RunChange, action: RowMapping, batch: Batch) -> None:
        self._change = change
        self._connection = change.transaction.connection
        self._run: int = change.before.key
        self._action: int = action["key"]
        self._attempt: int = action["attempt_number"]
        self._batch = batch
        self._known: dict[str, bulk.Known] = {}
        self._printed: dict[str, list[int]] = {}

    async def write(self) -> None:
        """Writes them, and counts in the change what they change."""
        await self._load_known()
        await self._write_output()
        positions = await self._insert_tests()
        await self._update_tests()
        positions |= {key: known.position for key, known in self._known.items()}
        await self._write_failures(positions)

    async def _load_known(self) -> None:
        if not self._change.before.counts.total:
            return
        keys = list(self._batch.identities | dict.fromkeys(piece.test_key for piece in self._batch.output))
        self._known = await bulk.select_known(self._connection, self._run, keys)

    async def _write_output(self) -> None:
        rows = [self._output_row(piece) for piece in self._batch.output]
        await bulk.INSERT_LOG.execute(self._connection, rows)
        if "" in self._printed:
            stdout, stderr = self._printed[""]
            self._change.set(stdout_bytes=stdout, stderr_bytes=stderr)

    def _output_row(self, piece: Output) -> bulk.Row:
        """The row of a piece; output of a test that nobody knows belongs to the run, so that no byte is lost."""
        key = piece.test_key
        if key not in self._known and key not in self._batch.identities:
            key = ""
        printed = self._printed.get(key)
        if printed is None:
            known = self._known.get(key)
            printed = self._printed[key] = list(known[3:5] if known else (0, 0) if key else self._change.printed)
        index = 1 if piece.stream is LogStream.STDERR else 0
        offset, stream_offset = sum(printed), printed[index]
        printed[index] += len(piece.data)
        return (self._run, key, offset, int(piece.stream), stream_offset, self._action, piece.data)

    async def _insert_tests(self) -> dict[str, int]:
        """Adds the tests that were not known; answers their positions."""
        run, sequence, attempt = self._run, self._change.sequence, self._attempt
        total = self._change.before.counts.total
        progress, known, printed = self._batch.progress, self._known, self._printed
        tally = self._change.tally
        positions: dict[str, int] = {}
        rows: list[bulk.Row] = []
        for key, identity in self._batch.identities.items():
            if key in known:
                continue
            state = progress[key]
            positions[key] = position = total + len(rows) + 1
            out = printed.get(key, (0, 0))
            rows.append((run, position, key, sequence, *identity[1:], *state, attempt, *out))
        if rows:
            tally.add("total", len(rows))
            tally.end_all(progress[key][:2] for key in positions)
            await bulk.INSERT_TESTS.execute(self._connection, rows)
        return positions

    async def _update_tests(self) -> None:
        """Moves known tests on. A test that is collected again by another attempt keeps the result it has."""
        rows: list[bulk.Row] = []
        described: list[bulk.Row] = []
        printed: list[bulk.Row] = []
        before: list[tuple[int, int]] = []
        after: list[tuple[int, int]] = []
        for key, (position, disposition, outcome, *out, is_described) in self._known.items():
            state = self._batch.progress.get(key)
            identity = self._batch.identities.get(key)
            if state is not None and state is not COLLECTED:
                before.append((disposition, outcome))
                after.append(state[:2])
                sizes = self._printed.get(key, out)
                rows.append((self._change.sequence, *state, self._attempt, *sizes, self._run, position))
            elif key in self._printed:
                printed.append((self._change.sequence, *self._printed[key], self._run, position))
            if identity is not None and identity.case_name and not is_described:
                described.append((self._change.sequence, *identity[1:], self._run, position))
        self._change.tally.end_all(before, -1)
        self._change.tally.end_all(after)
        await bulk.UPDATE_PROGRESS.execute(self._connection, rows)
        await bulk.UPDATE_OUTPUT.execute(self._connection, printed)
        await bulk.UPDATE_IDENTITY.execute(self._connection, described)

    async def _write_failures(self, positions: Mapping[str, int]) -> None:
        """Replaces what went wrong in tests that had ended before and moved on; adds what went wrong now."""
        moved = [
            (self._run, known.position)
            for key, known in self._known.items()
            if known.disposition in ENDED and self._batch.progress.get(key, COLLECTED) is not COLLECTED
        ]
        await bulk.DELETE_FAILURES.execute(self._connection, moved)
        failures = [(self._run, positions[key], data) for key, data in self._batch.failures.items()]
        await bulk.INSERT_FAILURES.execute(self._connection, failures)
