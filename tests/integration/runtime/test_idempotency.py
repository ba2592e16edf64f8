"""Repeated requests on SQLite and PostgreSQL: one effect, one answer."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from maestro.registry.v1 import token_service_pb2
from maestro_services.runtime import idempotency
from maestro_services.runtime.database import Database
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.idempotency import RequestKey, remember, replay, request_key
from maestro_services.runtime.outbox import Outbox


def key_of(parent: str = "projects/shop", request_id: str | None = None) -> RequestKey:
    request = token_service_pb2.CreateTokenRequest(parent=parent, request_id=request_id or str(uuid4()))
    key = request_key(request)
    assert key is not None
    return key


async def perform(database: Database, key: RequestKey, answer: bytes) -> bytes:
    """A mutation with one effect: a row in the outbox."""
    async with database.write() as transaction:
        known = await replay(transaction, key)
        if known is not None:
            return known
        await asyncio.sleep(0.01)
        await transaction.publish("t", "k", answer)
        await remember(transaction, key, answer)
    return answer


async def effects(database: Database) -> int:
    return len((await Outbox(database).read("t", 0)).rows)


def test_a_request_without_an_id_has_no_key():
    assert request_key(token_service_pb2.CreateTokenRequest(parent="projects/shop")) is None
    assert request_key(token_service_pb2.ListTokensRequest()) is None


async def test_repeats_at_once_in_two_processes_have_one_effect_and_one_answer(database, connect):
    other = connect()
    await other.open()
    key = key_of()
    tries = [perform((database, other)[number % 2], key, f"{number}".encode()) for number in range(8)]
    assert len(set(await asyncio.gather(*tries))) == 1
    assert await effects(database) == 1


async def test_an_attempt_that_failed_is_no_answer(database):
    key = key_of()

    async def fail() -> None:
        async with database.write() as transaction:
            await remember(transaction, key, b"lost")
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert await perform(database, key, b"kept") == b"kept"


async def test_the_same_id_with_other_arguments_is_refused(database):
    request_id = str(uuid4())
    await perform(database, key_of("projects/shop", request_id), b"1")
    with pytest.raises(ServiceError) as caught:
        await perform(database, key_of("projects/bank", request_id), b"2")
    assert caught.value.reason is Reason.REQUEST_ID_REUSED
    assert caught.value.metadata == {"request_id": request_id}
    assert await effects(database) == 1


async def test_answers_are_forgotten_after_a_day(database):
    key = key_of()
    await perform(database, key, b"1")
    now = datetime.now(UTC)
    await idempotency.prune(database, lambda: now + timedelta(hours=23))
    assert await perform(database, key, b"2") == b"1"
    await idempotency.prune(database, lambda: now + timedelta(hours=25))
    assert await perform(database, key, b"2") == b"2"
