"""What callers see while the storage fails or is slow; what they send again afterwards stands once."""

import asyncio
from typing import Any

import pytest
from maestro.audit.v1 import audit_service_pb2, event_pb2
from maestro_client.errors import DeadlineExceeded, MaestroError
from maestro_services.audit.store import AuditStore
from maestro_services.runtime.errors import Reason, ServiceError

PROJECT = "projects/demo"
EVENT = event_pb2.Event(kind="execution.run.create", idempotency_key="k")


async def fail(*_arguments: Any) -> None:
    raise ServiceError(Reason.STORAGE_UNAVAILABLE, "the disk is full")


async def test_an_append_that_cannot_be_stored_is_unavailable_and_can_be_sent_again(
    embedded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(AuditStore, "save", fail)
        with pytest.raises(MaestroError) as caught:
            await embedded.append(EVENT)
    assert caught.value.reason == "STORAGE_UNAVAILABLE"
    (appended,) = await embedded.append(EVENT)
    assert (appended.log_index, appended.repeated) == (0, False)


async def test_a_stream_whose_batch_cannot_be_stored_ends_without_its_acknowledgement(
    embedded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AuditStore, "save", fail)

    async def requests() -> Any:
        hello = audit_service_pb2.ProducerHello(parent=PROJECT, producer_id="shipper", epoch=1)
        yield audit_service_pb2.AppendStreamRequest(hello=hello)
        entry = audit_service_pb2.AppendEntry(sequence=1, event=EVENT)
        yield audit_service_pb2.AppendStreamRequest(batch=audit_service_pb2.AppendBatch(entries=[entry]))

    responses = embedded.client.append_stream(requests())
    assert (await anext(responses)).HasField("welcome")
    with pytest.raises(MaestroError) as caught:
        await anext(responses)
    assert caught.value.reason == "STORAGE_UNAVAILABLE"


async def test_a_checkpoint_that_cannot_be_stored_is_not_served(embedded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AuditStore, "save_note", fail)
    (appended,) = await embedded.append(EVENT)
    calls = [
        embedded.client.get_checkpoint(audit_service_pb2.GetCheckpointRequest(name=f"{PROJECT}/checkpoint")),
        embedded.client.get_inclusion_proof(audit_service_pb2.GetInclusionProofRequest(name=appended.name)),
        embedded.client.get_consistency_proof(
            audit_service_pb2.GetConsistencyProofRequest(parent=PROJECT, first_size=1)
        ),
        embedded.client.verify_event(audit_service_pb2.VerifyEventRequest(name=appended.name)),
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [getattr(answer, "reason", answer) for answer in answers] == ["STORAGE_UNAVAILABLE"] * 4


async def test_a_caller_that_gave_up_finds_its_event_once(embedded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    release, save = asyncio.Event(), AuditStore.save

    async def slow(store: AuditStore, *arguments: Any) -> None:
        await release.wait()
        await save(store, *arguments)

    monkeypatch.setattr(AuditStore, "save", slow)
    request = audit_service_pb2.AppendEventsRequest(parent=PROJECT, events=[EVENT])
    with pytest.raises(DeadlineExceeded):
        await embedded.client.append_events(request, timeout=0.2)
    release.set()
    (again,) = await embedded.append(EVENT)
    assert (again.log_index, again.repeated) == (0, True)
