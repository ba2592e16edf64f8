"""The first version of the tables that every service's database has, for its first migration."""

import sqlalchemy as sa
from alembic import op

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def create_runtime_tables() -> None:
    """Creates outbox, idempotency and audit spool as of version 1; later versions get migrations of their own."""
    op.create_table(
        "outbox",
        sa.Column("sequence", _SEQUENCE, sa.Identity(), primary_key=True),
        sa.Column("topic", sa.String(256), nullable=False),
        sa.Column("key", sa.String(512), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_by_topic", "outbox", ["topic", "sequence"])
    op.create_table(
        "idempotency",
        sa.Column("scope", sa.String(512), primary_key=True),
        sa.Column("request_id", sa.String(36), primary_key=True),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "audit_spool",
        sa.Column("sequence", _SEQUENCE, sa.Identity(), primary_key=True),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sqlite_autoincrement=True,
    )
