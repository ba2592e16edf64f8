"""The tables that every service's database has beside its own."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, LargeBinary, MetaData, String, Table

# SQLite increments only INTEGER PRIMARY KEY columns by itself.
Sequence = BigInteger().with_variant(Integer(), "sqlite")


def runtime_tables(metadata: MetaData) -> None:
    """Adds outbox, idempotency and audit spool to a service's metadata."""
    Table(
        "outbox",
        metadata,
        Column("sequence", Sequence, Identity(), primary_key=True),
        Column("topic", String(256), nullable=False),
        Column("key", String(512), nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("create_time", DateTime(timezone=True), nullable=False),
        Index("outbox_by_topic", "topic", "sequence"),
        sqlite_autoincrement=True,
    )
    Table(
        "idempotency",
        metadata,
        Column("scope", String(512), primary_key=True),
        Column("request_id", String(36), primary_key=True),
        Column("request_digest", String(64), nullable=False),
        Column("response", LargeBinary, nullable=False),
        Column("create_time", DateTime(timezone=True), nullable=False),
    )
    Table(
        "audit_spool",
        metadata,
        Column("sequence", Sequence, Identity(), primary_key=True),
        Column("record", LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )


_METADATA = MetaData()
runtime_tables(_METADATA)
OUTBOX = _METADATA.tables["outbox"]
IDEMPOTENCY = _METADATA.tables["idempotency"]
AUDIT_SPOOL = _METADATA.tables["audit_spool"]
