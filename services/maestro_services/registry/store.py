"""Tokens in the database."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from maestro_services.registry.domain.token import Creator, Token
from maestro_services.registry.tables import tokens
from maestro_services.runtime.principal import Role

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


async def add(connection: AsyncConnection, token: Token) -> None:
    """Stores a new token."""
    await connection.execute(insert(tokens), _row(token))


async def get(connection: AsyncConnection, token_id: str, project: str | None = None) -> Token | None:
    """The token with this id; with `project`, only if it is one of that project."""
    statement = select(tokens).where(tokens.c.token_id == token_id)
    if project is not None:
        statement = statement.where(tokens.c.project == project)
    row = (await connection.execute(statement)).one_or_none()
    return _token(row) if row else None


async def page(connection: AsyncConnection, project: str, size: int, before: str = "") -> list[Token]:
    """Up to `size` tokens of a project, newest first, older than the one with the id `before`."""
    statement = select(tokens).where(tokens.c.project == project).order_by(tokens.c.token_id.desc()).limit(size)
    if before:
        statement = statement.where(tokens.c.token_id < before)
    return [_token(row) for row in await connection.execute(statement)]


async def revoke(connection: AsyncConnection, token_id: str, time: datetime) -> None:
    """Ends a token, unless it was revoked before."""
    statement = update(tokens).where(tokens.c.token_id == token_id, tokens.c.revoke_time.is_(None))
    await connection.execute(statement.values(revoke_time=_microseconds(time)))


def _microseconds(time: datetime | None) -> int | None:
    return None if time is None else (time - _EPOCH) // _MICROSECOND


def _time(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND


def _row(token: Token) -> dict[str, Any]:
    return {
        "token_id": token.token_id,
        "project": token.project,
        "uid": token.uid,
        "display_name": token.display_name,
        "role": int(token.role),
        "digest": token.digest,
        "creator_kind": token.creator.kind,
        "creator_subject": token.creator.subject,
        "creator_display_name": token.creator.display_name,
        "create_time": _microseconds(token.create_time),
        "expire_time": _microseconds(token.expire_time),
        "revoke_time": _microseconds(token.revoke_time),
    }


def _token(row: Any) -> Token:
    return Token(
        project=row.project,
        token_id=row.token_id,
        uid=row.uid,
        display_name=row.display_name,
        role=Role(row.role),
        digest=bytes(row.digest),
        creator=Creator(row.creator_kind, row.creator_subject, row.creator_display_name),
        create_time=_time(row.create_time),
        expire_time=_time(row.expire_time),
        revoke_time=None if row.revoke_time is None else _time(row.revoke_time),
    )
