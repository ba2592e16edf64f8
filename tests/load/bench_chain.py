"""A unary call through every interceptor, against a bare grpc.aio echo in the same run."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from maestro.execution.v1 import results_service_pb2, results_service_pb2_grpc
from maestro_services.runtime.authentication import LocalToken
from maestro_services.runtime.guard import Guard
from opentelemetry.instrumentation.grpc import aio_server_interceptor

from tests.load.figures import Figure

_CALLS = 1_500
_CALLERS = 32
_ROUNDS = 5
_REQUEST = results_service_pb2.GetTestCaseRequest(name="projects/default/runs/r1/testCases/t1")


class _Echo(results_service_pb2_grpc.ResultsServiceServicer):
    async def GetTestCase(self, request: Any, context: Any) -> results_service_pb2.GetTestCaseResponse:
        return results_service_pb2.GetTestCaseResponse()


@asynccontextmanager
async def _serving(*interceptors: grpc.aio.ServerInterceptor) -> AsyncIterator[Any]:
    server = grpc.aio.server(interceptors=interceptors)
    results_service_pb2_grpc.add_ResultsServiceServicer_to_server(_Echo(), server)  # type: ignore[abstract]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield results_service_pb2_grpc.ResultsServiceStub(channel)
    await server.stop(None)


async def _rate(stub: Any) -> float:
    metadata = (("authorization", "Bearer secret"),)

    async def call() -> None:
        for _ in range(_CALLS // _CALLERS):
            await stub.GetTestCase(_REQUEST, metadata=metadata, timeout=30)

    began = time.process_time()
    await asyncio.gather(*(call() for _ in range(_CALLERS)))
    return _CALLS / (time.process_time() - began)


async def run() -> list[Figure]:
    """Alternates bare and guarded rounds, so that the machine's noise meets both."""
    guard = Guard(LocalToken("secret"), lambda _method: None)
    ratios, rates = [], []
    async with _serving() as bare, _serving(aio_server_interceptor(), guard) as guarded:
        await _rate(bare)
        await _rate(guarded)
        for _ in range(_ROUNDS):
            baseline, rate = await _rate(bare), await _rate(guarded)
            rates.append(rate)
            ratios.append(rate / baseline)
    note = f"{statistics.median(rates):,.0f} calls per CPU second, client and server in one process"
    return [Figure("unary call, whole chain : bare echo", statistics.median(ratios), "x", ">=", 0.6, note)]
