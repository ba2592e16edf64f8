"""The tables of the execution service."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

from maestro_services.runtime.tables import Sequence, runtime_tables

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UtcTime(TypeDecorator[datetime]):
    """An aware time, stored as microseconds since 1970 so that both databases compare it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Microseconds since 1970."""
        return None if value is None else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """An aware time in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, default=0)


metadata = MetaData()
runtime_tables(metadata)

runs = Table(
    "runs",
    metadata,
    Column("key", Sequence, Identity(), primary_key=True),
    Column("project", String(63), nullable=False),
    Column("run_id", String(63), nullable=False),
    Column("uid", String(36), nullable=False),
    Column("spec", LargeBinary, nullable=False),
    Column("suite", Boolean, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("creator_kind", SmallInteger, nullable=False),
    Column("creator_subject", Text, nullable=False),
    Column("creator_name", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("verdict", SmallInteger, nullable=False),
    Column("cause", SmallInteger, nullable=False),
    Column("status_message", Text, nullable=False),
    _count("total"),
    _count("completed"),
    _count("interrupted"),
    _count("passed"),
    _count("failed"),
    _count("errors"),
    _count("skipped"),
    _count("xfailed"),
    _count("xpassed"),
    _count("stdout_bytes"),
    _count("stderr_bytes"),
    Column("output_files", LargeBinary, nullable=False),
    Column("change_sequence", BigInteger, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("update_time", UtcTime, nullable=False),
    Column("start_time", UtcTime),
    Column("end_time", UtcTime),
    UniqueConstraint("project", "run_id", name="runs_by_name"),
    sqlite_autoincrement=True,
)

# An action holds its lease: it has at most one, and both change together.
actions = Table(
    "actions",
    metadata,
    Column("key", Sequence, Identity(), primary_key=True),
    Column("run", Sequence, ForeignKey("runs.key"), nullable=False),
    Column("project", String(63), nullable=False),
    Column("action_id", String(63), nullable=False),
    Column("uid", String(36), nullable=False),
    Column("attempt_number", Integer, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("verdict", SmallInteger, nullable=False),
    Column("cause", SmallInteger, nullable=False),
    Column("status_message", Text, nullable=False),
    Column("execution", LargeBinary, nullable=False),
    Column("lease", String(63), unique=True),
    Column("worker_id", String(63), nullable=False),
    Column("lease_expire_time", UtcTime),
    _count("acknowledged"),
    Column("create_time", UtcTime, nullable=False),
    Column("update_time", UtcTime, nullable=False),
    Column("start_time", UtcTime),
    Column("end_time", UtcTime),
    Index("actions_by_run", "run", "key"),
    Index("actions_by_state", "state", "project", "key"),
    sqlite_autoincrement=True,
)

# Clustered by position, so that new tests are appended. What few tests have stands in tables of its own.
test_cases = Table(
    "test_cases",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("test_key", String(20), nullable=False),
    Column("change_sequence", BigInteger, nullable=False),
    Column("test_id", Text, nullable=False),
    Column("suite_path", Text, nullable=False),
    Column("case_name", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("disposition", SmallInteger, nullable=False),
    Column("outcome", SmallInteger, nullable=False),
    Column("cause", SmallInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("start_time_us", BigInteger, nullable=False),
    Column("duration_ns", BigInteger, nullable=False),
    Column("order_index", Integer, nullable=False),
    Column("attempt_number", Integer, nullable=False),
    Column("stdout_bytes", BigInteger, nullable=False),
    Column("stderr_bytes", BigInteger, nullable=False),
    UniqueConstraint("run", "test_key", name="test_cases_by_key"),
    Index("test_cases_by_change", "run", "change_sequence", "position"),
    sqlite_with_rowid=False,
)

test_failures = Table(
    "test_failures",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("failures", LargeBinary, nullable=False),
)

interrupted_attempts = Table(
    "interrupted_attempts",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt_number", Integer, primary_key=True, autoincrement=False),
    Column("cause", SmallInteger, nullable=False),
    Column("start_time_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# `test_key` is "" for what was printed outside tests. `offset` counts both outputs, `stream_offset` the chunk's own.
log_chunks = Table(
    "log_chunks",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("test_key", String(20), primary_key=True),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("stream", SmallInteger, nullable=False),
    Column("stream_offset", BigInteger, nullable=False),
    Column("action", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

blobs = Table(
    "blobs",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("create_time", UtcTime, nullable=False),
)
