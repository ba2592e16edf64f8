"""The audit record of a call, spooled in the service's own database until the audit service has it.

A mutating call's record commits together with its change; a call that changed nothing (a refusal) is recorded
by the interceptor before it is answered. So no change and no refusal is ever without its record.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from maestro_services.runtime.context import Call, current_call
from maestro_services.runtime.errors import Reason
from maestro_services.runtime.ids import new_uid
from maestro_services.runtime.tables import AUDIT_SPOOL

# A refused request may name anything; the audit service takes no longer names.
_LONGEST_RESOURCE = 1000


@dataclass(frozen=True)
class AuditRecord:
    """What is told to the audit service about one call; `event_id` makes repeats harmless."""

    event_id: str
    event_time: str
    method: str
    permission: str
    actor_kind: int
    actor_subject: str
    project: str
    resource: str
    request_id: str
    code: str
    reason: str


def record_of(call: Call, time: datetime, code: str = "OK", reason: str = "") -> AuditRecord:
    """The record of a call that ended with this code.

    One that its caller had no right to make stands in the mesh's own log: a stranger must not write into a tenant's.
    """
    denied = reason == Reason.PERMISSION_DENIED.name
    return AuditRecord(
        event_id=new_uid(),
        event_time=time.isoformat(),
        method=call.method,
        permission=call.permission,
        actor_kind=int(call.principal.kind),
        actor_subject=call.principal.subject,
        project="" if denied else call.project,
        resource=call.resource[:_LONGEST_RESOURCE],
        request_id=call.request_id,
        code=code,
        reason=reason,
    )


async def append(connection: AsyncConnection, record: AuditRecord) -> None:
    """Spools a record in the connection's transaction."""
    body = json.dumps(asdict(record), separators=(",", ":")).encode()
    await connection.execute(insert(AUDIT_SPOOL), {"record": body})


async def record_call(connection: AsyncConnection, time: datetime) -> None:
    """Spools the success of the call that this task serves, once, in the transaction of its change."""
    call = current_call()
    if call is None or not call.mutates or call.recorded:
        return
    await append(connection, record_of(call, time))
    call.recorded = True


async def oldest(connection: AsyncConnection, limit: int) -> list[tuple[int, AuditRecord]]:
    """The records that wait, oldest first, with their sequence numbers."""
    statement = select(AUDIT_SPOOL.c.sequence, AUDIT_SPOOL.c.record).order_by(AUDIT_SPOOL.c.sequence).limit(limit)
    rows: Sequence[Any] = (await connection.execute(statement)).all()
    return [(row.sequence, AuditRecord(**json.loads(row.record))) for row in rows]


async def discard(connection: AsyncConnection, sequences: Sequence[int]) -> None:
    """Forgets these records: the audit service has them.

    By each one's number, since a transaction with a lower number may commit later.
    """
    await connection.execute(delete(AUDIT_SPOOL).where(AUDIT_SPOOL.c.sequence.in_(sequences)))
