"""Carries the audit records of a service's calls from its database to the audit service."""

import asyncio
from itertools import groupby
from typing import cast

import grpc
import structlog
from maestro.audit.v1 import audit_service_pb2, event_pb2
from maestro.common.v1 import actor_pb2
from maestro_client import Maestro, MaestroError
from maestro_client.errors import AlreadyExists, InvalidArgument

from maestro_services.runtime import audit_spool
from maestro_services.runtime.audit_spool import AuditRecord
from maestro_services.runtime.database import Database
from maestro_services.runtime.wakeups import first_of

_LOG = structlog.get_logger()
_BATCH = 256
_PERIOD = 0.25
_LONGEST_PAUSE = 5.0
# What stands in the log for a record that it refuses.
_REFUSED = "audit.record.refused"
# The log of events that belong to no tenant.
_MESH_PROJECT = "mesh"


class AuditShipper:
    """Sends what is spooled, oldest first, and forgets it once the audit service has it.

    A record may be sent twice after a crash; its id makes that harmless. While the audit service is away, records
    wait in the spool.
    """

    def __init__(self, service: str, database: Database, client: Maestro) -> None:
        self._service = service
        self._database = database
        self._client = client

    async def run(self, stop: asyncio.Event) -> None:
        """Ships until told to stop."""
        pause = _PERIOD
        while not stop.is_set():
            try:
                shipped = await self.ship()
                pause = 0.0 if shipped == _BATCH else _PERIOD
            except MaestroError as error:
                pause = min(max(pause, _PERIOD) * 2, _LONGEST_PAUSE)
                _LOG.warning("audit service does not answer; records wait", service=self._service, error=str(error))
            await first_of(stop, timeout=pause)

    async def ship(self) -> int:
        """Ships one batch; answers its size."""
        async with self._database.read() as connection:
            spooled = await audit_spool.oldest(connection, _BATCH)
        if not spooled:
            return 0
        records = sorted((record for _sequence, record in spooled), key=lambda record: record.project)
        for project, group in groupby(records, key=lambda record: record.project):
            events = [self._event(record) for record in group]
            parent = f"projects/{project or _MESH_PROJECT}"
            await self._append(parent, events)
        async with self._database.write() as transaction:
            await audit_spool.discard(transaction.connection, [sequence for sequence, _record in spooled])
        return len(spooled)

    async def _append(self, parent: str, events: list[event_pb2.Event]) -> None:
        """Appends events; one that is refused for good is named in the log instead, and holds up no other."""
        try:
            await self._client.audit.append_events(audit_service_pb2.AppendEventsRequest(parent=parent, events=events))
        except (AlreadyExists, InvalidArgument) as error:
            if len(events) > 1:
                for event in events:
                    await self._append(parent, [event])
            elif events[0].kind != _REFUSED:
                _LOG.error("audit record refused", service=self._service, kind=events[0].kind, error=str(error))
                await self._append(parent, [self._refused(events[0], error)])

    def _refused(self, event: event_pb2.Event, error: MaestroError) -> event_pb2.Event:
        attributes = {"kind": event.kind[:100], "reason": error.reason}
        key = f"refused {event.idempotency_key}"
        return event_pb2.Event(kind=_REFUSED, service=self._service, attributes=attributes, idempotency_key=key)

    def _event(self, record: AuditRecord) -> event_pb2.Event:
        code = grpc.StatusCode[record.code].value[0]
        event = event_pb2.Event(
            kind=record.permission,
            actor=actor_pb2.Actor(
                kind=cast("actor_pb2.Actor.Kind.ValueType", record.actor_kind), subject=record.actor_subject
            ),
            service=self._service,
            method=record.method.removeprefix("/"),
            target=record.resource,
            outcome=event_pb2.Outcome(code=code, reason=record.reason),
            request_id=record.request_id,
            idempotency_key=record.event_id,
        )
        event.event_time.FromJsonString(record.event_time)
        return event
