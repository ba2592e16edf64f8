"""GetEvent, ListEvents, WatchEvents."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from maestro.audit.v1 import audit_service_pb2, event_pb2
from maestro_client.errors import InvalidArgument, MaestroError, NotFound, OutOfRange, PermissionDenied

PROJECT = "projects/demo"


def event(kind: str = "execution.run.create", **fields: Any) -> event_pb2.Event:
    return event_pb2.Event(kind=kind, **fields)


async def listed(audit: Any, text: str = "", **more: Any) -> list[int]:
    request = audit_service_pb2.ListEventsRequest(parent=PROJECT, filter=text, **more)
    return [one.log_index for one in (await audit.client.list_events(request)).events]


@pytest.mark.parametrize("name", ["projects/demo/events/nothing", "projects/empty/events/nothing"])
async def test_an_unknown_event_is_not_found(embedded: Any, name: str) -> None:
    await embedded.append(event())
    with pytest.raises(NotFound) as caught:
        await embedded.client.get_event(audit_service_pb2.GetEventRequest(name=name))
    assert caught.value.metadata == {"name": name}


async def test_a_malformed_name_is_refused(embedded: Any) -> None:
    with pytest.raises(InvalidArgument):
        await embedded.client.get_event(audit_service_pb2.GetEventRequest(name="projects/demo/events"))


async def test_strangers_see_nothing_and_viewers_everything(embedded: Any) -> None:
    (appended,) = await embedded.append(event())
    await embedded.as_("viewer").get_event(audit_service_pb2.GetEventRequest(name=appended.name))
    with pytest.raises(PermissionDenied):
        await embedded.as_("stranger").get_event(audit_service_pb2.GetEventRequest(name=appended.name))
    with pytest.raises(PermissionDenied):
        await embedded.as_("stranger").list_events(audit_service_pb2.ListEventsRequest(parent=PROJECT))


async def test_pages_hold_every_event_once_while_more_are_appended(audit: Any) -> None:
    await audit.append(*(event() for _ in range(7)))
    found, token = [], ""
    while True:
        request = audit_service_pb2.ListEventsRequest(parent=PROJECT, page_size=3, page_token=token)
        page = await audit.client.list_events(request)
        found += [one.log_index for one in page.events]
        await audit.append(event())
        token = page.next_page_token
        if not token:
            break
    assert found == [6, 5, 4, 3, 2, 1, 0]


async def test_events_are_listed_in_the_order_of_the_log_when_asked(audit: Any) -> None:
    await audit.append(*(event() for _ in range(4)))
    first = await audit.client.list_events(
        audit_service_pb2.ListEventsRequest(parent=PROJECT, page_size=2, order_by="log_index")
    )
    second = await audit.client.list_events(
        audit_service_pb2.ListEventsRequest(
            parent=PROJECT, page_size=2, order_by="log_index", page_token=first.next_page_token
        )
    )
    assert [one.log_index for one in [*first.events, *second.events]] == [0, 1, 2, 3]
    assert not second.next_page_token


async def test_a_project_without_events_has_an_empty_list(audit: Any) -> None:
    assert await listed(audit) == []


FOUND = {
    'kind = "execution.run.create"': [0],
    "kind : token": [2, 1],
    'target = "projects/demo/runs/r1" AND service = execution': [0],
    "actor.subject = mallory OR outcome.reason = PERMISSION_DENIED": [2, 1],
    "outcome.code = 7": [2],
    "outcome.code = 0": [0],
    "NOT kind : token": [0],
    'event_time > "2026-01-01T00:00:00Z"': [2, 1, 0],
    'create_time < "2026-01-01T00:00:00Z"': [],
    "log_index >= 1 AND log_index < 2": [1],
    "operation_id = op AND request_id = req": [1],
}


async def test_a_filter_finds_what_it_says(audit: Any) -> None:
    await audit.append(
        event(service="execution", target="projects/demo/runs/r1", outcome=event_pb2.Outcome(code=0)),
        event("auth.token.create", actor={"subject": "mallory"}, operation_id="op", request_id="req"),
        event("auth.token.create", outcome=event_pb2.Outcome(code=7, reason="PERMISSION_DENIED")),
    )
    assert {text: await listed(audit, text) for text in FOUND} == FOUND


REFUSED_LISTS: list[tuple[dict[str, Any], str]] = [
    ({"filter": "colour = red"}, "FILTER_INVALID"),
    ({"filter": "kind > 3"}, "FILTER_INVALID"),
    ({"filter": "outcome.code = many"}, "FILTER_INVALID"),
    ({"filter": 'event_time > "yesterday"'}, "FILTER_INVALID"),
    ({"order_by": "kind"}, "ORDER_INVALID"),
    ({"page_token": "forged"}, "PAGE_TOKEN_INVALID"),
]


async def test_a_list_that_cannot_be_made_says_why(embedded: Any) -> None:
    for arguments, reason in REFUSED_LISTS:
        with pytest.raises(InvalidArgument) as caught:
            await embedded.client.list_events(audit_service_pb2.ListEventsRequest(parent=PROJECT, **arguments))
        assert (arguments, caught.value.reason) == (arguments, reason)


async def test_a_page_token_belongs_to_its_filter(embedded: Any) -> None:
    await embedded.append(event(), event())
    page = await embedded.client.list_events(audit_service_pb2.ListEventsRequest(parent=PROJECT, page_size=1))
    with pytest.raises(InvalidArgument) as caught:
        await embedded.client.list_events(
            audit_service_pb2.ListEventsRequest(parent=PROJECT, page_token=page.next_page_token, filter="kind = x")
        )
    assert caught.value.reason == "PAGE_TOKEN_INVALID"


class Watch:
    """A watch that can be cut and goes on with its last token."""

    def __init__(self, audit: Any, text: str = "") -> None:
        self._audit = audit
        self._filter = text
        self.token = ""
        self._stream: AsyncIterator[audit_service_pb2.WatchEventsResponse] | None = None

    async def open(self) -> None:
        request = audit_service_pb2.WatchEventsRequest(parent=PROJECT, filter=self._filter, resume_token=self.token)
        self._stream = self._audit.client.watch_events(request)
        if not self.token:
            self.token = (await anext(self._stream)).resume_token

    async def take(self, count: int) -> list[int]:
        found: list[int] = []
        assert self._stream is not None
        while len(found) < count:
            response = await asyncio.wait_for(anext(self._stream), 10)
            self.token = response.resume_token
            found += [one.log_index for one in response.events]
        return found

    async def cut(self) -> None:
        assert self._stream is not None
        await self._stream.aclose()  # type: ignore[attr-defined]


async def test_a_watch_begins_with_now_and_comes_in_the_order_of_the_log(audit: Any) -> None:
    await audit.append(event())
    watch = Watch(audit)
    await watch.open()
    await audit.append(event(), event())
    await audit.append(event())
    assert await watch.take(3) == [1, 2, 3]
    await watch.cut()


async def test_a_watch_that_was_cut_loses_nothing_and_doubles_nothing(audit: Any) -> None:
    watch, found = Watch(audit), []
    for count in (1, 2, 3):
        await watch.open()
        await audit.append(*(event() for _ in range(count)))
        found += await watch.take(count)
        await watch.cut()
        await audit.append(event())
    await watch.open()
    found += await watch.take(9 - len(found))
    await watch.cut()
    assert found == list(range(9))


async def test_a_watch_goes_on_behind_a_restart(serve: Any) -> None:
    async with serve() as audit:
        watch = Watch(audit)
        await watch.open()
        await audit.append(event())
        assert await watch.take(1) == [0]
        audit.running.platform.draining.set()
        with pytest.raises(MaestroError) as caught:
            await watch.take(1)
        assert caught.value.reason == "DRAINING"
        await audit.append(event())
    async with serve() as audit:
        resumed = Watch(audit)
        resumed.token = watch.token
        await resumed.open()
        assert await resumed.take(1) == [1]
        await resumed.cut()


async def test_a_filtered_watch_skips_the_rest(audit: Any) -> None:
    watch = Watch(audit, "kind : token")
    await watch.open()
    await audit.append(event(), event("auth.token.create"), event(), event("auth.token.revoke"))
    assert await watch.take(2) == [1, 3]
    await watch.cut()


async def test_a_token_of_a_longer_log_has_expired(embedded: Any) -> None:
    tokens = embedded.running.platform.tokens
    request = audit_service_pb2.WatchEventsRequest(parent=PROJECT, resume_token=tokens.seal("WatchEvents demo ", 10))
    with pytest.raises(OutOfRange) as caught:
        await anext(embedded.client.watch_events(request))
    assert caught.value.reason == "RESUME_TOKEN_EXPIRED"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [({"resume_token": "forged"}, "RESUME_TOKEN_INVALID"), ({"filter": "colour = red"}, "FILTER_INVALID")],
)
async def test_a_watch_that_cannot_be_made_says_why(embedded: Any, arguments: dict[str, str], reason: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await anext(embedded.client.watch_events(audit_service_pb2.WatchEventsRequest(parent=PROJECT, **arguments)))
    assert caught.value.reason == reason


async def test_strangers_watch_nothing(embedded: Any) -> None:
    with pytest.raises(PermissionDenied):
        await anext(embedded.as_("stranger").watch_events(audit_service_pb2.WatchEventsRequest(parent=PROJECT)))
