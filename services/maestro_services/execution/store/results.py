"""What runs found out: tests, actions and output, read in pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from maestro_services.execution.domain.batch import CHUNK_BYTES
from maestro_services.execution.domain.run import Action, Attempt, Run, TestCase
from maestro_services.execution.domain.states import ENDED, Cause, LogStream
from maestro_services.execution.store.rows import action_of, run_of, select_actions, select_tests, test_of
from maestro_services.execution.tables import interrupted_attempts, log_chunks, runs, test_cases
from maestro_services.runtime.database import Database
from maestro_services.runtime.errors import not_found


@dataclass(frozen=True)
class Changes:
    """A run as of one moment, and its tests that changed behind a position, in the order of their commits."""

    run: Run
    tests: Sequence[TestCase]


@dataclass(frozen=True)
class LogChunk:
    """Output as it was stored; `offset` counts both outputs, `stream_offset` the chunk's own."""

    offset: int
    stream_offset: int
    stream: LogStream
    data: bytes


class ResultStore:
    """Reads results; every answer is one consistent view."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_tests(
        self, run: Run, condition: ColumnElement[bool] | None, after: int, limit: int
    ) -> Sequence[TestCase]:
        """Tests behind a position, in the order in which they became known."""
        statement = select_tests(run.key).where(test_cases.c.position > after)
        if condition is not None:
            statement = statement.where(condition)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement.order_by(test_cases.c.position).limit(limit))).all()
            return await _tests(connection, run, rows)

    async def get_test(self, run: Run, test_key: str) -> TestCase:
        """A test; RESOURCE_NOT_FOUND if the run does not know it."""
        async with self._database.read() as connection:
            statement = select_tests(run.key).where(test_cases.c.test_key == test_key)
            found = await _tests(connection, run, (await connection.execute(statement)).all())
        if not found:
            raise not_found(f"{run.name}/testCases/{test_key}")
        return found[0]

    async def list_actions(self, run: Run) -> Sequence[Action]:
        """The actions of a run, by attempt."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select_actions(run.key))).mappings()
            return [action_of(row, run.name) for row in rows]

    async def changes(self, run_key: int, sequence: int, position: int, limit: int) -> Changes:
        """A run, and its tests that changed behind (commit, position), no more than `limit`."""
        columns = test_cases.c
        behind = or_(
            columns.change_sequence > sequence,
            and_(columns.change_sequence == sequence, columns.position > position),
        )
        async with self._database.read() as connection:
            run = run_of((await connection.execute(select(runs).where(runs.c.key == run_key))).mappings().one())
            statement = (
                select_tests(run_key)
                # The range alone lets the index be used; what commits between the two statements comes next time.
                .where(columns.change_sequence >= sequence, columns.change_sequence <= run.change_sequence, behind)
                .order_by(columns.change_sequence, columns.position)
                .limit(limit)
            )
            return Changes(run, await _tests(connection, run, (await connection.execute(statement)).all()))

    async def completed_tests(self, run_key: int) -> list[str]:
        """The ids of the tests that have a result."""
        ended = test_cases.c.disposition.in_([int(disposition) for disposition in ENDED])
        statement = select(test_cases.c.test_id).where(test_cases.c.run == run_key, ended)
        async with self._database.read() as connection:
            return list((await connection.execute(statement.order_by(test_cases.c.position))).scalars())

    async def read_log(
        self, run_key: int, test_key: str, stream: LogStream, offset: int, limit: int = 16
    ) -> Sequence[LogChunk]:
        """Chunks from the one that holds an offset on; the offset counts what `stream` selects."""
        columns = log_chunks.c
        counted = columns.offset if stream is LogStream.BOTH else columns.stream_offset
        statement = (
            select(columns.offset, columns.stream_offset, columns.stream, columns.data)
            # No chunk is longer, and a chunk's own offset is never above its offset in both: both bounds are safe.
            .where(columns.run == run_key, columns.test_key == test_key, columns.offset > offset - CHUNK_BYTES)
            .where(counted > offset - CHUNK_BYTES)
            .order_by(columns.offset)
            .limit(limit)
        )
        if stream is not LogStream.BOTH:
            statement = statement.where(columns.stream == int(stream))
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        return [LogChunk(row.offset, row.stream_offset, LogStream(row.stream), bytes(row.data)) for row in rows]


async def _tests(connection: AsyncConnection, run: Run, rows: Sequence[Row[Any]]) -> list[TestCase]:
    """The tests of the rows, with the attempts at them that were cut short."""
    earlier: dict[int, list[Attempt]] = {}
    columns = interrupted_attempts.c
    # Only a second attempt can have cut a test of the first short.
    positions = [row.position for row in rows]
    if positions:
        between = columns.position.between(min(positions), max(positions))
        statement = select(interrupted_attempts).where(columns.run == run.key, between)
        for row in (await connection.execute(statement.order_by(columns.position, columns.attempt_number))).all():
            attempt = Attempt(row.attempt_number, Cause(row.cause), row.start_time_us)
            earlier.setdefault(row.position, []).append(attempt)
    return [test_of(row, run.name, tuple(earlier.get(row.position, ()))) for row in rows]
