import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from maestro.execution.v1 import execution_service_pb2, results_service_pb2
from maestro_client import Maestro, errors
from maestro_client._calls import Calls
from maestro_client.execution import ExecutionClient
from maestro_client.watch import follow_log, resume

from .fakes import Context, FakeExecution, fail

WATCH = execution_service_pb2.WatchRunRequest(name="projects/p/runs/r")


def message(number: int) -> execution_service_pb2.WatchRunResponse:
    return execution_service_pb2.WatchRunResponse(resume_token=str(number))


@pytest.mark.parametrize("cut", ["drain", "transport", "reset"])
async def test_a_cut_watch_goes_on_behind_its_last_token(maestro: Maestro, execution: FakeExecution, cut: str) -> None:
    async def ten_in_pieces(call: int, request: Any, context: Context) -> AsyncIterator[Any]:
        start = int(request.resume_token or 0)
        for number in range(start + 1, min(start + 4, 11)):
            yield message(number)
        if start + 4 > 10:
            return
        if cut == "drain":
            await fail(context, grpc.StatusCode.UNAVAILABLE, "DRAINING")
        await context.abort(
            grpc.StatusCode.UNAVAILABLE if cut == "transport" else grpc.StatusCode.INTERNAL, "RST_STREAM"
        )

    execution.on_watch = ten_in_pieces
    seen = [event.resume_token async for event in resume(maestro.execution.watch_run, WATCH)]
    assert seen == [str(number) for number in range(1, 11)]
    assert not WATCH.resume_token
    assert execution.calls == 4


async def test_an_expired_token_is_raised(maestro: Maestro) -> None:
    request = execution_service_pb2.WatchRunsRequest(parent="projects/p", resume_token="old")
    with pytest.raises(errors.ResumeTokenExpired):
        async for _ in resume(maestro.execution.watch_runs, request):
            pass


async def test_an_error_that_names_its_reason_ends_the_watch(maestro: Maestro, execution: FakeExecution) -> None:
    async def broken(call: int, request: Any, context: Context) -> AsyncIterator[Any]:
        yield message(1)
        await fail(context, grpc.StatusCode.INTERNAL, "INTERNAL")

    execution.on_watch = broken
    with pytest.raises(errors.Internal):
        async for _ in resume(maestro.execution.watch_run, WATCH):
            pass
    assert execution.calls == 1


async def test_a_silent_stream_is_called_again(address: str, maestro: Maestro, execution: FakeExecution) -> None:
    async def silent_once(call: int, request: Any, context: Context) -> AsyncIterator[Any]:
        yield message(call)
        if call == 1:
            await asyncio.sleep(30)

    execution.on_watch = silent_once
    impatient = ExecutionClient(Calls(None, idle_timeout=0.2), maestro._channels.of("execution"))
    assert [event.resume_token async for event in resume(impatient.watch_run, WATCH)] == ["1", "2"]
    assert execution.requests[1].resume_token == "1"


async def test_patience_ends_when_nobody_answers() -> None:
    async with Maestro("127.0.0.1:1") as maestro:
        with pytest.raises(errors.Unavailable):
            async for _ in resume(maestro.execution.watch_run, WATCH, patience=0.1):
                pass


async def test_leaving_a_watch_ends_the_call(maestro: Maestro, execution: FakeExecution) -> None:
    ended = asyncio.Event()

    async def endless(call: int, request: Any, context: Context) -> AsyncIterator[Any]:
        try:
            while True:
                yield message(1)
                await asyncio.sleep(0.01)
        finally:
            ended.set()

    execution.on_watch = endless
    watch = resume(maestro.execution.watch_run, WATCH)
    await anext(watch)
    await watch.aclose()
    await asyncio.wait_for(ended.wait(), 5)


async def test_a_followed_log_has_every_byte_once() -> None:
    text = b"0123456789"
    offsets = []

    async def read(request: results_service_pb2.ReadLogRequest) -> AsyncIterator[results_service_pb2.ReadLogResponse]:
        offsets.append(request.offset)
        end = min(request.offset + 4, len(text))
        yield results_service_pb2.ReadLogResponse(data=text[request.offset : end], offset=request.offset)
        yield results_service_pb2.ReadLogResponse(offset=end)
        if end < len(text):
            raise errors.Unavailable(grpc.StatusCode.UNAVAILABLE, "cut")

    chunks = [chunk.data async for chunk in follow_log(read, results_service_pb2.ReadLogRequest(follow=True))]
    assert b"".join(chunks) == text
    assert offsets == [0, 4, 8]
