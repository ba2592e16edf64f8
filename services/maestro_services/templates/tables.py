"""The tables of the templates service. Times are microseconds since 1970 in UTC; project "" owns what is built in."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from maestro_services.runtime.tables import runtime_tables

metadata = MetaData()
runtime_tables(metadata)

# Sort keys are compared character by character, which only the C collation of PostgreSQL does.
SortKey = String(200).with_variant(String(200, collation="C"), "postgresql")

templates = Table(
    "templates",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("template", String(63), primary_key=True),
    Column("uid", String(36), nullable=False),
    Column("display_name", String(200), nullable=False),
    Column("description", Text, nullable=False),
    Column("keywords", JSON, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("latest_version", String(64), nullable=False),
    Column("version_count", Integer, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("update_time", BigInteger, nullable=False),
)

versions = Table(
    "versions",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("template", String(63), primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("sort_key", SortKey, nullable=False),
    Column("uid", String(36), nullable=False),
    Column("manifest", JSON, nullable=False),
    Column("source", JSON, nullable=False),
    Column("creator", JSON, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("digest_bytes", BigInteger, nullable=False),
    Column("file_count", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("state", String(32), nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Index("versions_by_precedence", "project", "template", "sort_key"),
)

files = Table(
    "files",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("template", String(63), primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("path", String(1024), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("executable", Boolean, nullable=False),
)

# One row for equal content, however many versions of a project have it.
blobs = Table(
    "blobs",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# Only on PostgreSQL; on SQLite the FTS5 table `search` is in their place.
search_documents = Table(
    "search_documents",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("template", String(63), primary_key=True),
    Column("length", Float, nullable=False),
)

search_postings = Table(
    "search_postings",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("template", String(63), primary_key=True),
    Column("term", String(256), primary_key=True),
    Column("weight", Float, nullable=False),
    Index("search_postings_by_term", "term", "project"),
)
