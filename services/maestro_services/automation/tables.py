"""The tables of the automation service. Times are microseconds since 1970 in UTC."""

from sqlalchemy import BigInteger, Boolean, Column, Identity, Index, Integer, MetaData, String, Table, Text

from maestro_services.runtime.tables import Sequence, runtime_tables

metadata = MetaData()
runtime_tables(metadata)

# The document is the truth; the columns beside it are what lists, claims and fences are answered from.
repairs = Table(
    "repairs",
    metadata,
    Column("key", Sequence, Identity(), primary_key=True),
    Column("project", String(63), nullable=False),
    Column("repair_id", String(63), nullable=False),
    Column("job_key", String(64), nullable=False),
    Column("run", String(200), nullable=False),
    Column("state", Integer, nullable=False),
    Column("reason", Integer, nullable=False),
    Column("trigger_kind", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    # When the next step is due; null when automation has done what it can.
    Column("due_time", BigInteger),
    Column("lease_expire_time", BigInteger, nullable=False),
    # Counts the leases given out: only the holder of the newest may write.
    Column("fence", BigInteger, nullable=False),
    Index("repairs_by_name", "project", "repair_id", unique=True),
    Index("repairs_by_job", "project", "job_key"),
    Index("repairs_by_due_time", "due_time"),
    sqlite_autoincrement=True,
)

monitors = Table(
    "monitors",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("follows", Boolean, nullable=False),
    Column("document", Text, nullable=False),
)
