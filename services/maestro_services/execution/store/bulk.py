"""Statements for many rows at once, handed to the driver as tuples.

SQLAlchemy compiles them once a dialect; its per-row parameter processing would cost more than the insert itself.
"""

import json
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Dialect, bindparam, delete, insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import UpdateBase

from maestro_services.execution.tables import interrupted_attempts, log_chunks, test_cases, test_failures

Row = tuple[Any, ...]


class BulkStatement:
    """A statement with named parameters, whose rows come as tuples in the order of `names`."""

    def __init__(self, statement: UpdateBase, names: Sequence[str]) -> None:
        self._statement = statement
        self._names = tuple(names)
        self._compiled: dict[str, tuple[str, Callable[[Row], Row] | None]] = {}

    async def execute(self, connection: AsyncConnection, rows: Sequence[Row]) -> None:
        """Runs the statement for every row."""
        if not rows:
            return
        sql, arrange = self._for(connection.dialect)
        await connection.exec_driver_sql(sql, [arrange(row) for row in rows] if arrange else list(rows))

    def _for(self, dialect: Dialect) -> tuple[str, Callable[[Row], Row] | None]:
        if dialect.name not in self._compiled:
            compiled = self._statement.compile(dialect=dialect, column_keys=list(self._names))
            order = tuple(compiled.positiontup or self._names)
            arrange = None if order == self._names else itemgetter(*[self._names.index(name) for name in order])
            self._compiled[dialect.name] = (str(compiled), arrange)
        return self._compiled[dialect.name]


def _insert(table: Any) -> BulkStatement:
    return BulkStatement(insert(table), [column.name for column in table.columns])


def _update_test(*names: str) -> BulkStatement:
    """Sets columns of the test at (run, position); the parameters are `p_` + column, so that none is ambiguous."""
    at_position = (test_cases.c.run == bindparam("p_run"), test_cases.c.position == bindparam("p_position"))
    statement = update(test_cases).where(*at_position).values({name: bindparam(f"p_{name}") for name in names})
    return BulkStatement(statement, [f"p_{name}" for name in (*names, "run", "position")])


PROGRESS = ("disposition", "outcome", "cause", "reason", "start_time_us", "duration_ns", "order_index")
IDENTITY = ("test_id", "suite_path", "case_name", "parameters", "file", "line")

INSERT_TESTS = _insert(test_cases)
# Rows: change_sequence, the columns of PROGRESS, attempt_number, stdout_bytes, stderr_bytes, run, position.
UPDATE_PROGRESS = _update_test("change_sequence", *PROGRESS, "attempt_number", "stdout_bytes", "stderr_bytes")
UPDATE_OUTPUT = _update_test("change_sequence", "stdout_bytes", "stderr_bytes")
UPDATE_IDENTITY = _update_test("change_sequence", *IDENTITY)
INSERT_FAILURES = _insert(test_failures)
DELETE_FAILURES = BulkStatement(
    delete(test_failures).where(
        test_failures.c.run == bindparam("p_run"), test_failures.c.position == bindparam("p_position")
    ),
    ["p_run", "p_position"],
)
INSERT_LOG = _insert(log_chunks)
INSERT_ATTEMPTS = _insert(interrupted_attempts)

_KNOWN_COLUMNS = "test_key, position, disposition, outcome, stdout_bytes, stderr_bytes, case_name <> ''"
# CROSS JOIN keeps SQLite to this order; by itself it would read all tests of the run.
_KNOWN_SQLITE = text(
    f"SELECT {_KNOWN_COLUMNS} FROM json_each(:keys) AS given"  # noqa: S608 (constants only)
    " CROSS JOIN test_cases ON test_cases.run = :run AND test_cases.test_key = given.value"
)
_KNOWN_POSTGRESQL = text(
    f"SELECT {_KNOWN_COLUMNS} FROM test_cases WHERE run = :run AND test_key = ANY(:keys)"  # noqa: S608 (as above)
)


class Known(NamedTuple):
    """What is stored of a test that a batch is about, in the order of the columns."""

    position: int
    disposition: int
    outcome: int
    stdout_bytes: int
    stderr_bytes: int
    described: bool


async def select_known(connection: AsyncConnection, run: int, keys: Sequence[str]) -> dict[str, Known]:
    """Those of the tests that are known, by their keys.

    The keys are one parameter: a list of a thousand would cost more to write than to look up.
    """
    if connection.dialect.name == "postgresql":
        found = await connection.execute(_KNOWN_POSTGRESQL, {"run": run, "keys": list(keys)})
    else:
        found = await connection.execute(_KNOWN_SQLITE, {"run": run, "keys": json.dumps(keys)})
    return {row[0]: Known(*row[1:]) for row in found.all()}
