"""Requests that may be repeated: the first answer is kept and given again."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from google.protobuf.message import Message
from sqlalchemy import delete, insert, select, text

from maestro_services.runtime.clock import Clock, utc_now
from maestro_services.runtime.context import current_call
from maestro_services.runtime.database import Database, Transaction
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.tables import IDEMPOTENCY

# How long a repeated request id is recognized.
KEPT = timedelta(hours=24)
# Two repeats at once take turns; on SQLite writers do so anyway.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext(:key))")


@dataclass(frozen=True)
class RequestKey:
    """What a request id stands for: the method and tenant it is of, and the request it came with."""

    scope: str
    request_id: str
    digest: str


def request_key(request: Message) -> RequestKey | None:
    """The key of a request with a `request_id`, or None if its caller gave none."""
    request_id: str = getattr(request, "request_id", "")
    if not request_id:
        return None
    call = current_call()
    scope = f"{call.method} {call.project}" if call else request.DESCRIPTOR.full_name
    digest = hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()
    return RequestKey(scope, request_id, digest)


async def replay(transaction: Transaction, key: RequestKey | None) -> bytes | None:
    """What was remembered under the key; REQUEST_ID_REUSED if it was for another request."""
    if key is None:
        return None
    if transaction.connection.dialect.name == "postgresql":
        await transaction.execute(_LOCK, {"key": f"{key.scope} {key.request_id}"})
    statement = select(IDEMPOTENCY.c.request_digest, IDEMPOTENCY.c.response).where(
        IDEMPOTENCY.c.scope == key.scope, IDEMPOTENCY.c.request_id == key.request_id
    )
    row = (await transaction.execute(statement)).one_or_none()
    if row is None:
        return None
    if row.request_digest != key.digest:
        message = f"request_id {key.request_id} was used with other arguments; use a new one"
        raise ServiceError(Reason.REQUEST_ID_REUSED, message, request_id=key.request_id)
    return bytes(row.response)


async def remember(transaction: Transaction, key: RequestKey | None, response: bytes, clock: Clock = utc_now) -> None:
    """Keeps an answer under the key, in the transaction of the change itself."""
    if key is None:
        return
    row = {
        "scope": key.scope,
        "request_id": key.request_id,
        "request_digest": key.digest,
        "response": response,
        "create_time": clock(),
    }
    await transaction.execute(insert(IDEMPOTENCY), row)


async def prune(database: Database, clock: Clock = utc_now) -> None:
    """Forgets what is older than `KEPT`."""
    async with database.write() as transaction:
        await transaction.execute(delete(IDEMPOTENCY).where(IDEMPOTENCY.c.create_time < clock() - KEPT))
