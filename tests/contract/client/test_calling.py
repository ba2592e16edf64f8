import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from maestro.execution.v1 import artifact_service_pb2, execution_service_pb2, run_pb2
from maestro_client import Maestro, errors
from maestro_client.paging import pages

from .fakes import Context, FakeExecution, fail

GET = execution_service_pb2.GetRunRequest(name="projects/p/runs/r")


async def test_a_call_carries_token_and_request_id(maestro: Maestro, execution: FakeExecution) -> None:
    assert (await maestro.execution.get_run(GET)).run.name == GET.name
    metadata = execution.metadata[0]
    assert metadata["authorization"] == "Bearer secret"
    assert len(metadata["x-request-id"]) == 32


async def test_a_call_ends_with_its_deadline(maestro: Maestro, execution: FakeExecution) -> None:
    async def hang(call: int, context: Context) -> None:
        await asyncio.sleep(30)

    execution.on_get = hang
    begun = time.monotonic()
    with pytest.raises(errors.DeadlineExceeded):
        await maestro.execution.get_run(GET, timeout=0.2)
    assert time.monotonic() - begun < 5


async def test_every_call_has_a_deadline(address: str, execution: FakeExecution) -> None:
    remaining: list[float | None] = []

    async def look(call: int, context: Context) -> None:
        remaining.append(context.time_remaining())

    execution.on_get = look
    async with Maestro(address, timeout=60) as maestro:
        await maestro.execution.get_run(GET)
    assert 30 < (remaining[0] or 0) < 90


async def test_a_read_is_retried_when_the_service_is_unavailable(maestro: Maestro, execution: FakeExecution) -> None:
    async def fail_twice(call: int, context: Context) -> None:
        if call < 3:
            await fail(context, grpc.StatusCode.UNAVAILABLE, "DRAINING")

    execution.on_get = fail_twice
    await maestro.execution.get_run(GET)
    assert execution.calls == 3


async def test_retries_end(maestro: Maestro, execution: FakeExecution) -> None:
    async def always(call: int, context: Context) -> None:
        await fail(context, grpc.StatusCode.UNAVAILABLE, "DRAINING")

    execution.on_get = always
    with pytest.raises(errors.Draining):
        await maestro.execution.get_run(GET)
    assert execution.calls == 4


async def test_a_mutation_is_retried_with_the_same_request_id(maestro: Maestro, execution: FakeExecution) -> None:
    await maestro.execution.create_run(execution_service_pb2.CreateRunRequest(parent="projects/p"))
    assert execution.calls == 2
    assert execution.requests[0].request_id == execution.requests[1].request_id != ""


async def test_a_refusal_is_typed_and_not_retried(maestro: Maestro, execution: FakeExecution) -> None:
    with pytest.raises(errors.FailedPrecondition) as raised:
        await maestro.execution.cancel_run(execution_service_pb2.CancelRunRequest(name=GET.name))
    assert raised.value.reason == "STATE_INVALID"
    assert raised.value.request_id == execution.metadata[0]["x-request-id"]
    assert execution.calls == 1


async def test_nobody_at_the_address_is_unavailable() -> None:
    async with Maestro("127.0.0.1:1") as maestro:
        with pytest.raises(errors.Unavailable):
            await maestro.execution.get_run(GET, timeout=5)


async def test_an_error_in_the_callers_stream_of_requests_reaches_the_caller(maestro: Maestro) -> None:
    async def broken() -> AsyncIterator[artifact_service_pb2.UploadBlobsRequest]:
        yield artifact_service_pb2.UploadBlobsRequest(parent="projects/p")
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await maestro.artifacts.upload_blobs(broken())


async def test_cancelling_the_caller_cancels_the_call(maestro: Maestro, execution: FakeExecution) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(call: int, context: Context) -> None:
        begun.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    execution.on_get = hang
    task = asyncio.create_task(maestro.execution.get_run(GET))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(cancelled.wait(), 5)


async def test_all_pages_of_a_list_come_in_order(maestro: Maestro) -> None:
    request = execution_service_pb2.ListRunsRequest(parent="projects/p")
    found = [run.name[-4:] async for page in pages(maestro.execution.list_runs, request) for run in page.runs]
    assert found == ["abc1", "abc2", "s/b1"]
    assert not request.page_token


@pytest.mark.parametrize(
    ("reference", "name"),
    [("latest", "abc1"), ("b", "b1"), ("abc2", "abc2"), ("projects/p/runs/zz", "zz"), ("zz", "zz")],
)
async def test_a_run_is_found_by_what_a_person_types(maestro: Maestro, reference: str, name: str) -> None:
    assert (await maestro.find_run("projects/p", reference)).name == f"projects/p/runs/{name}"


async def test_an_ambiguous_beginning_is_no_run(maestro: Maestro) -> None:
    with pytest.raises(errors.NotFound, match="2 runs begin with abc"):
        await maestro.find_run("projects/p", "abc")


async def test_a_folder_is_uploaded_and_its_run_queued(
    maestro: Maestro, execution: FakeExecution, tmp_path: Any
) -> None:
    (tmp_path / "test_a.py").write_text("def test(): pass")
    run = await maestro.run_tree("projects/p", tmp_path, run_pb2.Run(display_name="mine"))
    assert run.display_name == "mine"
    assert len(run.spec.input_root.sha256) == 64
