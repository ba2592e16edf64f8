"""Logs, their entries and tiles, and the producers that write them."""

import sqlalchemy as sa
from alembic import op
from maestro_services.runtime.schema import create_runtime_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the tables."""
    create_runtime_tables()
    _create_logs()
    _create_entries()
    op.create_table(
        "tiles",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("level", sa.Integer(), primary_key=True),
        sa.Column("position", sa.BigInteger(), primary_key=True),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "producers",
        sa.Column("reporter", sa.String(400), primary_key=True),
        sa.Column("producer_id", sa.String(63), primary_key=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
    )


def _create_logs() -> None:
    op.create_table(
        "logs",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("origin", sa.String(400), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("update_time", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("note_size", sa.BigInteger(), nullable=False),
        sa.Column("note_time", sa.BigInteger(), nullable=False),
    )


def _create_entries() -> None:
    op.create_table(
        "entries",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("log_index", sa.BigInteger(), primary_key=True),
        sa.Column("id", sa.String(20), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("actor_subject", sa.Text(), nullable=False),
        sa.Column("service", sa.String(100), nullable=False),
        sa.Column("method", sa.String(200), nullable=False),
        sa.Column("target", sa.String(1000), nullable=False),
        sa.Column("outcome_code", sa.Integer()),
        sa.Column("outcome_reason", sa.String(63), nullable=False),
        sa.Column("operation_id", sa.String(200), nullable=False),
        sa.Column("request_id", sa.String(200), nullable=False),
        sa.Column("trace_id", sa.String(32), nullable=False),
        sa.Column("event_time", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
    )
    op.create_index("entries_by_id", "entries", ["project", "id"], unique=True)
