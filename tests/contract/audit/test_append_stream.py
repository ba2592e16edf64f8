"""AppendStream: durable before acknowledged, each event once, whatever happens to the stream."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from maestro.audit.v1 import audit_service_pb2, event_pb2
from maestro.common.v1 import error_reason_pb2
from maestro_client.errors import InvalidArgument, MaestroError, PermissionDenied

PROJECT = "projects/demo"
Request = audit_service_pb2.AppendStreamRequest


def hello(parent: str = PROJECT, producer_id: str = "shipper", epoch: int = 1) -> Request:
    return Request(hello=audit_service_pb2.ProducerHello(parent=parent, producer_id=producer_id, epoch=epoch))


def entry(sequence: int, parent: str = "", **fields: Any) -> audit_service_pb2.AppendEntry:
    told = event_pb2.Event(kind="execution.run.create", attributes={"n": str(sequence)})
    told.MergeFrom(event_pb2.Event(**fields))
    return audit_service_pb2.AppendEntry(sequence=sequence, parent=parent, event=told)


def entries(*told: audit_service_pb2.AppendEntry) -> Request:
    return Request(batch=audit_service_pb2.AppendBatch(entries=told))


def batch(*sequences: int, parent: str = "") -> Request:
    return entries(*(entry(sequence, parent) for sequence in sequences))


async def requests(*messages: Request) -> AsyncIterator[Request]:
    for message in messages:
        yield message


async def converse(client: Any, *messages: Request) -> list[audit_service_pb2.AppendStreamResponse]:
    return [response async for response in client.append_stream(requests(*messages))]


async def received_until_error(
    responses: AsyncIterator[audit_service_pb2.AppendStreamResponse], acknowledged: Callable[[], None] = lambda: None
) -> tuple[list[audit_service_pb2.AppendStreamResponse], MaestroError]:
    received = []
    try:
        async for response in responses:
            received.append(response)
            if response.HasField("acknowledgement"):
                acknowledged()
    except MaestroError as error:
        return received, error
    raise AssertionError("the stream ended without an error")


async def sequences(audit: Any, parent: str = PROJECT) -> list[int]:
    request = audit_service_pb2.ListEventsRequest(parent=parent, order_by="log_index", page_size=500)
    return [one.source.sequence for one in (await audit.client.list_events(request)).events]


def acknowledged(responses: Sequence[audit_service_pb2.AppendStreamResponse]) -> list[int]:
    return [response.acknowledgement.sequence for response in responses[1:]]


async def test_batches_are_acknowledged_in_order(audit: Any) -> None:
    responses = await converse(audit.client, hello(), batch(1, 2), batch(3), batch(4, 5, 6))
    assert responses[0].welcome.last_sequence == 0
    assert acknowledged(responses) == [2, 3, 6]
    assert await sequences(audit) == [1, 2, 3, 4, 5, 6]


async def test_a_producer_that_comes_back_is_told_how_far_it_is(serve: Any) -> None:
    async with serve() as audit:
        await converse(audit.client, hello(), batch(1, 2))
    async with serve() as audit:
        (welcome,) = await converse(audit.client, hello())
        (other_epoch,) = await converse(audit.client, hello(epoch=2))
        (other_producer,) = await converse(audit.client, hello(producer_id="another"))
    assert welcome.welcome.last_sequence == 2
    assert other_epoch.welcome.last_sequence == other_producer.welcome.last_sequence == 0


async def test_what_is_sent_again_after_a_cut_stands_once(audit: Any) -> None:
    cut = audit.client.append_stream(requests(hello(), batch(1, 2), batch(3, 4)))
    async for response in cut:
        if response.HasField("acknowledgement"):
            break
    await cut.aclose()
    responses = await converse(audit.client, hello(), batch(1, 2), batch(3, 4), batch(5))
    assert acknowledged(responses) == [2, 4, 5]
    assert await sequences(audit) == [1, 2, 3, 4, 5]


async def test_a_gap_in_the_sequence_is_accepted(audit: Any) -> None:
    assert acknowledged(await converse(audit.client, hello(), batch(1, 5), batch(9))) == [5, 9]


async def test_a_stream_without_a_project_serves_all_of_them(audit: Any) -> None:
    client = audit.as_("service:execution")
    mixed = entries(entry(1, "projects/a"), entry(2, "projects/b"))
    assert acknowledged(await converse(client, hello("projects/-"), mixed)) == [2]
    assert await sequences(audit, "projects/a") == [1]
    assert await sequences(audit, "projects/b") == [2]


async def test_a_refused_event_does_not_hold_up_those_behind_it(audit: Any) -> None:
    await converse(audit.client, hello(), entries(entry(1)))
    again = [entry(1, service="another"), entry(2, attributes={"text": "x" * 66_000}), entry(3)]
    responses = await converse(audit.client, hello(), entries(*again))
    refusals = {one.sequence: one.reason for one in responses[1].acknowledgement.refusals}
    assert refusals == {
        1: error_reason_pb2.ERROR_REASON_EVENT_CONFLICT,
        2: error_reason_pb2.ERROR_REASON_FIELD_INVALID,
    }
    assert await sequences(audit) == [1, 3]


OFFENCES: list[tuple[list[Request], str]] = [
    ([batch(1)], "HELLO_EXPECTED"),
    ([hello(), hello()], "HELLO_EXPECTED"),
    ([hello(), batch(2, 2)], "FIELD_INVALID"),
    ([hello(), batch(2), batch(1)], "FIELD_INVALID"),
    ([hello(), batch(1, parent="projects/other")], "FIELD_INVALID"),
    ([hello("projects/-"), batch(1)], "FIELD_INVALID"),
    ([hello(), entries(entry(1, kind="Not A Kind"))], "FIELD_INVALID"),
    ([hello(producer_id="Not An Id")], "FIELD_INVALID"),
]


async def test_a_stream_that_breaks_its_rules_ends_with_the_reason(embedded: Any) -> None:
    for messages, reason in OFFENCES:
        with pytest.raises(InvalidArgument) as caught:
            await converse(embedded.client, *messages)
        assert (messages, caught.value.reason) == (messages, reason)


async def test_batches_in_front_of_an_offence_are_acknowledged(embedded: Any) -> None:
    received, error = await received_until_error(
        embedded.client.append_stream(requests(hello(), batch(1, 2), batch(2)))
    )
    assert error.reason == "FIELD_INVALID"
    assert acknowledged(received) == [2]


async def test_a_developer_streams_into_its_own_project_only(embedded: Any) -> None:
    assert acknowledged(await converse(embedded.as_("developer"), hello(), batch(1))) == [1]
    for parent in ("projects/other", "projects/-"):
        with pytest.raises(PermissionDenied):
            await converse(embedded.as_("developer"), hello(parent), batch(1))


async def test_a_draining_server_acknowledges_what_it_has_and_says_goodbye(embedded: Any) -> None:
    async def endless() -> AsyncIterator[Request]:
        yield hello()
        yield batch(1)
        await asyncio.Event().wait()

    def drain() -> None:
        embedded.running.platform.draining.set()

    received, error = await received_until_error(embedded.client.append_stream(endless()), drain)
    assert error.reason == "DRAINING"
    assert acknowledged(received) == [1]
