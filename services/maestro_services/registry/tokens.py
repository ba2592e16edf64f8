"""The tokens of the installation: made, listed, ended, and recognized by their secrets."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from maestro_services.registry import store
from maestro_services.registry.domain.token import (
    SECRET_BYTES,
    Creator,
    Token,
    digest_of,
    lifetime_end,
    new_secret,
    token_id_in,
)
from maestro_services.runtime.clock import Clock
from maestro_services.runtime.context import name_resource
from maestro_services.runtime.database import Database
from maestro_services.runtime.errors import not_found
from maestro_services.runtime.idempotency import RequestKey, remember, replay
from maestro_services.runtime.ids import new_id, new_uid
from maestro_services.runtime.principal import Principal, Role


@dataclass(frozen=True)
class TokenOrder:
    """What a token is asked for."""

    project: str
    display_name: str
    role: Role
    expire_time: datetime | None
    creator: Creator


class Tokens:
    """Works on the tokens of one database; also the authenticator that knows their secrets."""

    def __init__(self, database: Database, clock: Clock, random: Callable[[int], bytes] = os.urandom) -> None:
        self._database = database
        self._clock = clock
        self._random = random

    async def create(self, order: TokenOrder, key: RequestKey | None) -> tuple[Token, str]:
        """A new token and its secret; for a repeated request the same token, and "" for its secret."""
        async with self._database.write() as transaction:
            known = await replay(transaction, key)
            if known is not None:
                return await self._get(transaction.connection, known.decode(), order.project), ""
            token, secret = self._make(order)
            name_resource(token.name)
            await store.add(transaction.connection, token)
            await remember(transaction, key, token.token_id.encode(), self._clock)
        return token, secret

    async def page(self, project: str, size: int, before: str) -> list[Token]:
        """Tokens of a project, newest first."""
        async with self._database.read() as connection:
            return await store.page(connection, project, size, before)

    async def revoke(self, project: str, token_id: str) -> Token:
        """Ends a token for good; one that has ended stays as it was."""
        async with self._database.write() as transaction:
            await self._get(transaction.connection, token_id, project)
            await store.revoke(transaction.connection, token_id, self._clock())
            return await self._get(transaction.connection, token_id, project)

    async def proven(self, secret: str) -> Token | None:
        """The living token that a secret proves."""
        token_id = token_id_in(secret)
        if token_id is None:
            return None
        async with self._database.read() as connection:
            token = await store.get(connection, token_id)
        return token if token is not None and token.proven_by(secret, self._clock()) else None

    async def authenticate(self, token: str) -> Principal | None:
        """The principal that a secret proves."""
        proven = await self.proven(token)
        return proven.principal if proven else None

    def _make(self, order: TokenOrder) -> tuple[Token, str]:
        now = self._clock()
        token_id = new_id()
        secret = new_secret(token_id, self._random(SECRET_BYTES))
        token = Token(
            project=order.project,
            token_id=token_id,
            uid=new_uid(),
            display_name=order.display_name,
            role=order.role,
            digest=digest_of(secret),
            creator=order.creator,
            create_time=now,
            expire_time=lifetime_end(order.expire_time, now),
        )
        return token, secret

    async def _get(self, connection: AsyncConnection, token_id: str, project: str) -> Token:
        token = await store.get(connection, token_id, project)
        if token is None:
            raise not_found(f"projects/{project}/tokens/{token_id}")
        return token
