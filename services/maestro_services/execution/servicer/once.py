"""Mutations that are made once, however often they are asked for with the same request id."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import Message

from maestro_services.runtime.clock import Clock
from maestro_services.runtime.database import Database, Transaction
from maestro_services.runtime.idempotency import remember, replay, request_key

M = TypeVar("M", bound=Message)


class Once:
    """Makes a change and remembers its answer in one transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def answer(
        self, request: Message, response_type: type[M], change: Callable[[Transaction], Awaitable[M]]
    ) -> M:
        """What `change` answers, or what it answered when the request came first."""
        key = request_key(request)
        async with self._database.write() as transaction:
            answered = await replay(transaction, key)
            if answered is not None:
                return response_type.FromString(answered)
            response = await change(transaction)
            await remember(transaction, key, response.SerializeToString(), self._clock)
            return response
