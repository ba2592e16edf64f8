"""Templates, their versions and files, and what they are searched by."""

import sqlalchemy as sa
from alembic import op
from maestro_services.runtime.schema import create_runtime_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SORT_KEY = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")


def upgrade() -> None:
    """Creates the tables."""
    create_runtime_tables()
    _create_templates()
    _create_versions()
    _create_files()
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE search USING fts5("
            "project UNINDEXED, template UNINDEXED, name, keywords, text, tokenize = 'porter unicode61')"
        )
    else:
        _create_postings()


def _create_templates() -> None:
    op.create_table(
        "templates",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("template", sa.String(63), primary_key=True),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("display_name", sa.String(200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("keywords", sa.JSON(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("latest_version", sa.String(64), nullable=False),
        sa.Column("version_count", sa.Integer(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("update_time", sa.BigInteger(), nullable=False),
    )


def _create_versions() -> None:
    op.create_table(
        "versions",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("template", sa.String(63), primary_key=True),
        sa.Column("version", sa.String(64), primary_key=True),
        sa.Column("sort_key", _SORT_KEY, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("creator", sa.JSON(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("digest_bytes", sa.BigInteger(), nullable=False),
        sa.Column("file_count", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
    )
    op.create_index("versions_by_precedence", "versions", ["project", "template", "sort_key"])


def _create_files() -> None:
    op.create_table(
        "files",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("template", sa.String(63), primary_key=True),
        sa.Column("version", sa.String(64), primary_key=True),
        sa.Column("path", sa.String(1024), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("executable", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "blobs",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )


def _create_postings() -> None:
    op.create_table(
        "search_documents",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("template", sa.String(63), primary_key=True),
        sa.Column("length", sa.Float(), nullable=False),
    )
    op.create_table(
        "search_postings",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("template", sa.String(63), primary_key=True),
        sa.Column("term", sa.String(256), primary_key=True),
        sa.Column("weight", sa.Float(), nullable=False),
    )
    op.create_index("search_postings_by_term", "search_postings", ["term", "project"])
