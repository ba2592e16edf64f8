"""The tables of the audit service. Times are microseconds since 1970 in UTC."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

from maestro_services.runtime.tables import runtime_tables

metadata = MetaData()
runtime_tables(metadata)

logs = Table(
    "logs",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("origin", String(400), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("update_time", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("note_size", BigInteger, nullable=False),
    Column("note_time", BigInteger, nullable=False),
)

# The leaf is the truth; the columns behind it are what queries are answered from.
entries = Table(
    "entries",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("log_index", BigInteger, primary_key=True),
    Column("id", String(20), nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("kind", String(100), nullable=False),
    Column("actor_subject", Text, nullable=False),
    Column("service", String(100), nullable=False),
    Column("method", String(200), nullable=False),
    Column("target", String(1000), nullable=False),
    Column("outcome_code", Integer),
    Column("outcome_reason", String(63), nullable=False),
    Column("operation_id", String(200), nullable=False),
    Column("request_id", String(200), nullable=False),
    Column("trace_id", String(32), nullable=False),
    Column("event_time", BigInteger, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Index("entries_by_id", "project", "id", unique=True),
)

tiles = Table(
    "tiles",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("level", Integer, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("width", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

producers = Table(
    "producers",
    metadata,
    Column("reporter", String(400), primary_key=True),
    Column("producer_id", String(63), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
)
