"""Repairs and monitors."""

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
    sequence = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "repairs",
        sa.Column("key", sequence, sa.Identity(), primary_key=True),
        sa.Column("project", sa.String(63), nullable=False),
        sa.Column("repair_id", sa.String(63), nullable=False),
        sa.Column("job_key", sa.String(64), nullable=False),
        sa.Column("run", sa.String(200), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False),
        sa.Column("trigger_kind", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("due_time", sa.BigInteger()),
        sa.Column("lease_expire_time", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("repairs_by_name", "repairs", ["project", "repair_id"], unique=True)
    op.create_index("repairs_by_job", "repairs", ["project", "job_key"])
    op.create_index("repairs_by_due_time", "repairs", ["due_time"])
    op.create_table(
        "monitors",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("follows", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
    )
