"""Finds, lists and follows events."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from maestro.audit.v1 import audit_service_pb2
from sqlalchemy import ColumnElement

from maestro_services.audit import convert
from maestro_services.audit.domain.event import Event
from maestro_services.audit.domain.log import LogState
from maestro_services.audit.queries import conditions_of, is_newest_first
from maestro_services.audit.store import AuditStore
from maestro_services.audit.tables import entries
from maestro_services.audit.tail import Tail
from maestro_services.runtime.errors import Reason, draining, not_found
from maestro_services.runtime.names import PROJECT
from maestro_services.runtime.pages import page_size
from maestro_services.runtime.tokens import OpaqueTokens


class Reader:
    """Reads logs. Every event is read from its leaf; the columns beside it only find it."""

    def __init__(self, store: AuditStore, tail: Tail, tokens: OpaqueTokens, drain: asyncio.Event) -> None:
        self._store = store
        self._tail = tail
        self._tokens = tokens
        self._drain = drain

    async def state(self, project: str, name: str) -> LogState:
        """A project's log; not found under the asked name if it has none."""
        state = await self._store.state(project)
        if state is None:
            raise not_found(name)
        return state

    async def get(self, project: str, event_id: str) -> Event:
        """An event."""
        entry = await self._store.entry(project, event_id)
        if entry is None:
            raise not_found(convert.EVENT.format(project=project, event=event_id))
        return entry.event()

    async def page(self, request: audit_service_pb2.ListEventsRequest) -> tuple[list[Event], str]:
        """A page of events, and the token of the next."""
        project = PROJECT.parse(request.parent, "parent")["project"]
        newest_first = is_newest_first(request.order_by)
        conditions = conditions_of(request.filter)
        scope = f"ListEvents {project} {newest_first} {request.filter}"
        if request.page_token:
            (last,) = self._tokens.open(scope, request.page_token, Reason.PAGE_TOKEN_INVALID)
            conditions.append(_behind(int(last), newest_first=newest_first))
        size = page_size(request.page_size, 50, 500)
        found = await self._store.entries(project, *conditions, limit=size + 1, newest_first=newest_first)
        page = found[:size]
        token = self._tokens.seal(scope, page[-1].log_index) if len(found) > size else ""
        return [entry.event() for entry in page], token

    async def watch(
        self, request: audit_service_pb2.WatchEventsRequest
    ) -> AsyncGenerator[tuple[Sequence[Event], str], None]:
        """Events as they are appended, each batch with the token behind it."""
        project = PROJECT.parse(request.parent, "parent")["project"]
        conditions = conditions_of(request.filter)
        scope = f"WatchEvents {project} {request.filter}"
        if request.resume_token:
            (position,) = self._tokens.open(scope, request.resume_token, Reason.RESUME_TOKEN_INVALID)
        else:
            position = await self._tail.head(project)
            yield [], self._tokens.seal(scope, position)
        async with aclosing(self._tail.follow(project, int(position), conditions, stop=self._drain)) as pieces:
            async for piece in pieces:
                yield [entry.event() for entry in piece.entries], self._tokens.seal(scope, piece.position)
        raise draining()


def _behind(last: int, *, newest_first: bool) -> ColumnElement[bool]:
    return entries.c.log_index < last if newest_first else entries.c.log_index > last
