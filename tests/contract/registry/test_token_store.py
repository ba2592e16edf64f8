"""Tokens on every database: the same promises on SQLite and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from maestro_services.registry import store
from maestro_services.registry.domain.token import Creator, Token
from maestro_services.registry.tokens import TokenOrder, Tokens
from maestro_services.runtime.database import Database
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.idempotency import RequestKey
from maestro_services.runtime.principal import Role

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


def order(project: str = "shop", **fields: object) -> TokenOrder:
    given = {"display_name": "Prüfung ✓", "role": Role.ADMIN, "expire_time": None, "creator": Creator(1, "ann", "Ann")}
    return TokenOrder(project=project, **(given | fields))


def key() -> RequestKey:
    return RequestKey("CreateToken shop", str(uuid4()), "digest")


class Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, service="registry")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def tokens(database: Database, time: Callable[[], datetime]) -> Tokens:
    return Tokens(database, time)


async def test_a_token_is_read_as_it_was_written(tokens, database):
    token, secret = await tokens.create(order(expire_time=NOW + timedelta(days=1)), None)
    async with database.read() as connection:
        assert await store.get(connection, token.token_id) == token
        assert await store.get(connection, token.token_id, "bank") is None
    assert token.create_time == NOW
    assert await tokens.proven(secret) == token


async def test_a_secret_proves_its_token_until_it_ends(tokens, time):
    _token, secret = await tokens.create(order(), None)
    time.now += timedelta(days=89)
    assert await tokens.authenticate(secret) is not None
    time.now += timedelta(days=1)
    assert await tokens.authenticate(secret) is None
    assert await tokens.authenticate(secret[:-1] + ("0" if secret[-1] != "0" else "1")) is None


async def test_repeats_at_once_make_one_token_and_show_one_secret(tokens):
    same = key()
    made = await asyncio.gather(*(tokens.create(order(), same) for _ in range(6)))
    assert len({token.token_id for token, _secret in made}) == 1
    assert len([secret for _token, secret in made if secret]) == 1
    assert len(await tokens.page("shop", 10, "")) == 1


async def test_pages_are_of_one_project_and_newest_first(tokens):
    made = [(await tokens.create(order(), None))[0].token_id for _ in range(4)]
    await tokens.create(order("bank"), None)
    newest = sorted(made, reverse=True)
    first = await tokens.page("shop", 3, "")
    assert [token.token_id for token in first] == newest[:3]
    assert [token.token_id for token in await tokens.page("shop", 3, first[-1].token_id)] == newest[3:]


async def test_revoking_again_keeps_the_first_time(tokens, time):
    token, secret = await tokens.create(order(), None)
    revoked: Token = await tokens.revoke("shop", token.token_id)
    time.now += timedelta(hours=1)
    assert await tokens.revoke("shop", token.token_id) == revoked
    assert revoked.revoke_time == NOW
    assert await tokens.proven(secret) is None


async def test_a_token_of_another_project_is_not_there(tokens):
    token, secret = await tokens.create(order(), None)
    with pytest.raises(ServiceError) as caught:
        await tokens.revoke("bank", token.token_id)
    assert caught.value.reason is Reason.RESOURCE_NOT_FOUND
    assert await tokens.proven(secret) is not None


async def test_an_order_that_is_refused_leaves_no_token_and_its_id_free(tokens):
    same = key()
    with pytest.raises(ServiceError):
        await tokens.create(order(expire_time=NOW), same)
    assert await tokens.page("shop", 10, "") == []
    _token, secret = await tokens.create(order(), same)
    assert secret
