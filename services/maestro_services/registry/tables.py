"""The tables of the registry. Times are microseconds since 1970 in UTC."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

from maestro_services.runtime.tables import runtime_tables

metadata = MetaData()
runtime_tables(metadata)

tokens = Table(
    "tokens",
    metadata,
    Column("token_id", String(20), primary_key=True),
    Column("project", String(63), nullable=False),
    Column("uid", String(36), nullable=False),
    Column("display_name", String(200), nullable=False),
    Column("role", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("creator_kind", Integer, nullable=False),
    Column("creator_subject", String(400), nullable=False),
    Column("creator_display_name", String(200), nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("expire_time", BigInteger, nullable=False),
    Column("revoke_time", BigInteger),
    Index("tokens_by_project", "project", "token_id"),
)
