"""AppendEvents: durable, in order, and each event once."""

import asyncio
import uuid
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from maestro.audit.v1 import audit_service_pb2, event_pb2
from maestro.common.v1 import actor_pb2
from maestro_client.errors import AlreadyExists, InvalidArgument, PermissionDenied

PROJECT = "projects/demo"


def event(kind: str = "execution.run.create", **fields: Any) -> event_pb2.Event:
    return event_pb2.Event(kind=kind, **fields)


def request(*events: event_pb2.Event, request_id: str = "") -> audit_service_pb2.AppendEventsRequest:
    return audit_service_pb2.AppendEventsRequest(parent=PROJECT, events=events, request_id=request_id)


async def test_appended_events_get_the_next_places_of_their_project(audit: Any) -> None:
    first = await audit.append(event(), event())
    second = await audit.append(event())
    other = await audit.append(event(), parent="projects/other")
    assert [one.log_index for one in [*first, *second, *other]] == [0, 1, 2, 0]


async def test_an_event_is_answered_with_everything_it_was_told_with(audit: Any) -> None:
    told = event(
        actor=actor_pb2.Actor(kind=actor_pb2.Actor.KIND_AGENT, subject="repair-agent", display_name="Repair"),
        service="automation",
        method="maestro.automation.v1.AutomationService/Heal",
        target="projects/demo/repairs/r1",
        outcome=event_pb2.Outcome(code=9, reason="NOTHING_TO_REPAIR"),
        phase=event_pb2.Event.PHASE_END,
        operation_id="op-1",
        request_id="req-1",
        trace_id="0123456789abcdef0123456789abcdef",
        attributes={"note": 'naïve ☂ \U0001f600 \u2028 " \\ \n \x7f'},
        event_time=Timestamp(seconds=1_700_000_000, nanos=123_456_000),
    )
    (appended,) = await audit.append(told)
    found = (await audit.client.get_event(audit_service_pb2.GetEventRequest(name=appended.name))).event
    told.name = appended.name
    told.reporter.CopyFrom(actor_pb2.Actor(kind=actor_pb2.Actor.KIND_USER, subject="local"))
    told.create_time.CopyFrom(found.create_time)
    assert found == told


async def test_an_event_without_actor_and_time_is_the_callers_and_of_now(audit: Any) -> None:
    answer = await audit.as_("developer").append_events(request(event()))
    found = (await audit.client.get_event(audit_service_pb2.GetEventRequest(name=answer.events[0].name))).event
    assert found.actor == actor_pb2.Actor(kind=actor_pb2.Actor.KIND_USER, subject="dora", display_name="Dora")
    assert not found.HasField("reporter")
    assert found.event_time == found.create_time


async def test_a_key_names_one_event_for_ever(serve: Any) -> None:
    async with serve() as audit:
        (first,) = await audit.append(event(idempotency_key="k"))
        (again,) = await audit.append(event(idempotency_key="k"))
    async with serve() as audit:
        (later,) = await audit.append(event(idempotency_key="k"))
    assert (first.repeated, again.repeated, later.repeated) == (False, True, True)
    assert first.name == again.name == later.name
    assert first.log_index == again.log_index == later.log_index == 0


async def test_a_repeated_request_id_answers_the_first_events(audit: Any) -> None:
    sent = request(event(), event("auth.token.create"), request_id=str(uuid.uuid4()))
    first, again = await audit.client.append_events(sent), await audit.client.append_events(sent)
    assert [one.name for one in first.events] == [one.name for one in again.events]
    assert all(one.repeated for one in again.events)


async def test_a_key_used_for_another_event_is_a_conflict_that_appends_nothing(audit: Any) -> None:
    await audit.append(event(idempotency_key="k"))
    with pytest.raises(AlreadyExists) as caught:
        await audit.append(event(), event("auth.token.create", idempotency_key="k"))
    assert caught.value.reason == "EVENT_CONFLICT"
    assert caught.value.metadata == {"key": "k"}
    assert [one.log_index for one in await audit.append(event())] == [1]


async def test_two_events_of_one_key_in_a_request_are_a_conflict(audit: Any) -> None:
    with pytest.raises(AlreadyExists):
        await audit.append(event(idempotency_key="k"), event("auth.token.create", idempotency_key="k"))


async def test_callers_do_not_get_in_the_way_of_each_others_keys(audit: Any) -> None:
    mine = await audit.as_("developer").append_events(request(event(idempotency_key="k")))
    theirs = await audit.as_("service:execution").append_events(
        request(event("auth.token.create", idempotency_key="k"))
    )
    assert mine.events[0].name != theirs.events[0].name


async def test_concurrent_appends_all_find_their_own_place(audit: Any) -> None:
    answers = await asyncio.gather(*(audit.append(event(attributes={"n": str(n)}), event()) for n in range(40)))
    indexes = sorted(one.log_index for answer in answers for one in answer)
    assert indexes == list(range(80))
    assert all(second.log_index == first.log_index + 1 for first, second in answers)


async def test_a_leaf_too_large_is_refused_with_its_place(embedded: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await embedded.append(event(), event(attributes={"text": "x" * 66_000}))
    assert caught.value.reason == "FIELD_INVALID"
    assert caught.value.violations[0].subject == "events[1]"


BAD_EVENTS = [
    (event("Not A Kind"), "events[0].kind"),
    (event(trace_id="zz"), "events[0].trace_id"),
    (event(outcome=event_pb2.Outcome(code=17)), "events[0].outcome.code"),
    (event(attributes={"Upper": "x"}), 'events[0].attributes["Upper"]'),
    (event(target="x" * 1001), "events[0].target"),
]


async def test_a_field_that_breaks_its_rule_is_named(embedded: Any) -> None:
    for bad, field in BAD_EVENTS:
        with pytest.raises(InvalidArgument) as caught:
            await embedded.append(bad)
        assert caught.value.reason == "FIELD_INVALID"
        assert caught.value.violations[0].subject.replace("'", '"') == field


@pytest.mark.parametrize("who", ["viewer", "stranger"])
async def test_viewers_and_strangers_may_not_append(embedded: Any, who: str) -> None:
    with pytest.raises(PermissionDenied) as caught:
        await embedded.as_(who).append_events(request(event()))
    assert caught.value.metadata == {"permission": "audit.events.append", "project": "demo"}
