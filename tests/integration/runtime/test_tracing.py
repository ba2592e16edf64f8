"""Calls are traced, with their status, when an OTLP endpoint is set."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from maestro.registry.v1 import token_service_pb2
from maestro_client import Maestro
from maestro_client.errors import Unauthenticated
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

METHOD = "/maestro.registry.v1.TokenService/ListTokens"
LIST = token_service_pb2.ListTokensRequest(parent="projects/shop")


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps the spans it is sent, by name."""

    def __init__(self) -> None:
        self.spans: dict[str, list[int]] = {}
        self._changed = asyncio.Condition()

    async def Export(self, request: Any, context: Any) -> trace_service_pb2.ExportTraceServiceResponse:
        for resource in request.resource_spans:
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                codes = [one.value.int_value for one in span.attributes if one.key == "rpc.grpc.status_code"]
                self.spans.setdefault(span.name, []).extend(codes)
        async with self._changed:
            self._changed.notify_all()
        return trace_service_pb2.ExportTraceServiceResponse()

    async def has(self, count: int) -> None:
        """Waits until so many calls of ListTokens came."""
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(lambda: len(self.spans.get(METHOD, ())) >= count)


@contextmanager
def registry_process(state: Path, address: str, collector: str) -> Iterator[None]:
    """A registry that exports traces until the end of the block, and what it still holds at its end."""
    settings = {
        "MAESTRO_SERVER_ADDRESS": address,
        "MAESTRO_SERVER_STATE_DIRECTORY": str(state),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector}",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    command = [sys.executable, "-m", "maestro_services.registry"]
    with subprocess.Popen(command, env=os.environ | settings, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


async def token_of(state: Path) -> str:
    """Waits for the token that the registry makes at its first start."""
    async with asyncio.timeout(60):
        while not (state / "token").exists():
            await asyncio.sleep(0.05)
    return (state / "token").read_text().strip()


async def test_a_call_becomes_a_span_with_its_status(tmp_path: Path) -> None:
    collector, server = Collector(), grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with registry_process(tmp_path, address, f"127.0.0.1:{port}"):
        token = await token_of(tmp_path)
        async with Maestro(address, token=token) as maestro, Maestro(address, token="wrong") as stranger:
            await maestro.tokens.list_tokens(LIST)
            with pytest.raises(Unauthenticated):
                await stranger.tokens.list_tokens(LIST)
        await collector.has(2)
    await server.stop(None)
    assert sorted(collector.spans[METHOD]) == [0, 16]
