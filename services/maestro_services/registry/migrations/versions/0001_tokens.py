"""Tokens."""

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
    op.create_table(
        "tokens",
        sa.Column("token_id", sa.String(20), primary_key=True),
        sa.Column("project", sa.String(63), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("display_name", sa.String(200), nullable=False),
        sa.Column("role", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("creator_kind", sa.Integer(), nullable=False),
        sa.Column("creator_subject", sa.String(400), nullable=False),
        sa.Column("creator_display_name", sa.String(200), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("expire_time", sa.BigInteger(), nullable=False),
        sa.Column("revoke_time", sa.BigInteger()),
    )
    op.create_index("tokens_by_project", "tokens", ["project", "token_id"])
