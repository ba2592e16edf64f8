"""The registry as a process of its own: what it says when it cannot start, and how it ends."""

import asyncio
import os
import signal
import socket
import sys
import urllib.request
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest
from maestro.registry.v1 import registry_service_pb2
from maestro_client import Maestro


async def start(state: Path, **environ: str) -> Process:
    given = {name: value for name, value in os.environ.items() if not name.startswith("MAESTRO_")}
    environ = given | {"MAESTRO_SERVER_STATE_DIRECTORY": str(state)} | environ
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "maestro_services.registry", env=environ, stderr=PIPE, stdout=PIPE
    )


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MAESTRO_SERVER_ADDRESS", "nowhere", "server.address must be host:port, not 'nowhere'"),
        ("MAESTRO_REGISTRY_LEASE_TTL_SECONDS", "0", "registry.lease_ttl_seconds must be from 1 to 600, not 0"),
    ],
)
async def test_a_bad_setting_ends_the_start_with_one_sentence(tmp_path, name, value, sentence):
    process = await start(tmp_path, **{name: value})
    _out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert err.decode().startswith("maestro registry: ")
    assert sentence in err.decode()
    assert "Traceback" not in err.decode()


async def serving(process: Process) -> str:
    """Waits until it serves; its address."""
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while b'"serving"' not in (line := await process.stderr.readline()):
            assert line, "the process ended"
    return line.decode().partition('"address": "')[2].partition('"')[0]


async def test_prometheus_is_told_of_every_call(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        metrics = f"127.0.0.1:{probe.getsockname()[1]}"
    process = await start(tmp_path, MAESTRO_SERVER_METRICS_ADDRESS=metrics)
    try:
        async with Maestro(await serving(process), token=(tmp_path / "token").read_text().strip()) as client:
            await client.registry.list_instances(registry_service_pb2.ListInstancesRequest(parent="services/-"))
        with urllib.request.urlopen(f"http://{metrics}/metrics", timeout=10) as answer:
            told = answer.read().decode()
    finally:
        process.terminate()
        await process.communicate()
    method = "/maestro.registry.v1.RegistryService/ListInstances"
    assert f'maestro_rpc_calls_total{{code="OK",method="{method}"}} 1.0' in told
    assert f'maestro_rpc_seconds_count{{method="{method}"}} 1.0' in told


async def test_a_signal_ends_it_in_order(tmp_path):
    process = await start(tmp_path)
    address = await serving(process)
    assert process.stderr is not None
    async with Maestro(address, token=(tmp_path / "token").read_text().strip()) as client:
        updates = client.registry.watch_instances(registry_service_pb2.WatchInstancesRequest(parent="services/-"))
        await anext(updates)
        process.send_signal(signal.SIGTERM)
        rest = await asyncio.wait_for(process.stderr.read(), 30)
        await updates.aclose()
    assert await process.wait() == 0
    assert b'"stopped"' in rest
    assert b"Traceback" not in rest
