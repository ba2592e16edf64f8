"""The deployed form: a process a service, two of execution, on PostgreSQL and Redis, found by the registry."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from maestro.audit.v1 import audit_service_pb2
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import execution_service_pb2
from maestro.registry.v1 import registry_service_pb2, token_pb2, token_service_pb2
from maestro_client import Maestro
from maestro_client.errors import PermissionDenied
from maestro_services.runtime.authentication import MeshSecret

PARENT = "projects/shop"
SERVICES = ("registry", "execution", "execution", "automation", "templates", "audit")


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@dataclass
class Mesh:
    """A deployed installation."""

    registry: str
    administrator: str
    secret: MeshSecret
    instances: dict[str, list[str]]


def environment(folder: Path, number: int, registry: str, database: str, redis: str) -> dict[str, str]:
    """The settings of one process, as a deployment would give them."""
    settings = {
        "ADDRESS": registry if number == 0 else "127.0.0.1:0",
        "REGISTRY_ADDRESS": registry,
        "STATE_DIRECTORY": str(folder / f"state-{number}"),
        "MESH_SECRET_FILE": str(folder / "mesh-secret"),
        "LOCAL_TOKEN": "true" if number == 0 else "false",
        "DATABASE_URL": database,
        "REDIS_URL": redis,
    }
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MAESTRO_")}
    given = {f"MAESTRO_SERVER_{key}": value for key, value in settings.items()}
    return kept | given | {"MAESTRO_EXECUTION_BLOB_DIRECTORY": str(folder / "blobs")}


def start(stack: ExitStack, command: list[str], log: Path, environ: dict[str, str]) -> None:
    """Starts a process that ends with the stack."""
    stream = stack.enter_context(log.open("w"))
    process = stack.enter_context(subprocess.Popen(command, stdout=stream, stderr=stream, env=environ))
    stack.callback(process.terminate)


async def ready_instances(registry: str, token: str) -> dict[str, list[str]]:
    """Waits until every service is registered; their addresses by service."""
    wanted = sorted(SERVICES)
    async with asyncio.timeout(60), Maestro(registry, token=token) as maestro:
        while True:
            with contextlib.suppress(Exception):
                request = registry_service_pb2.ListInstancesRequest(parent="services/-")
                found = (await maestro.registry.list_instances(request)).instances
                if sorted(instance.name.split("/")[1] for instance in found) == wanted:
                    addresses: dict[str, list[str]] = {}
                    for instance in found:
                        addresses.setdefault(instance.name.split("/")[1], []).append(instance.address)
                    return addresses
            await asyncio.sleep(0.1)


@asynccontextmanager
async def deployed(folder: Path, database: str, redis: str) -> AsyncIterator[Mesh]:
    """Starts every process, and a worker."""
    secret_file = folder / "mesh-secret"
    secret_file.write_text("a secret that an operator chose\n")
    secret_file.chmod(0o600)
    registry, secret = free_address(), MeshSecret(b"a secret that an operator chose")
    with ExitStack() as stack:
        for number, service in enumerate(SERVICES):
            command = [sys.executable, "-m", f"maestro_services.{service}"]
            environ = environment(folder, number, registry, database, redis)
            start(stack, command, folder / f"{service}-{number}.log", environ)
        instances = await ready_instances(registry, secret.token_for("test"))
        token_file = folder / "worker-token"
        token_file.write_text(secret.token_for("worker-1"))
        worker = [sys.executable, "-m", "maestro_services.worker", "--server", instances["execution"][0]]
        options = ["--id", "worker-1", "--token-file", str(token_file), "--work-directory", str(folder / "work")]
        start(stack, worker + options, folder / "worker.log", dict(os.environ))
        yield Mesh(registry, (folder / "state-0" / "token").read_text().strip(), secret, instances)


async def api_token(mesh: Mesh, project: str) -> str:
    """A developer's token for a project, as an administrator creates it."""
    token = token_pb2.Token(display_name="ci", role="ROLE_DEVELOPER")
    async with Maestro(mesh.registry, token=mesh.administrator) as maestro:
        request = token_service_pb2.CreateTokenRequest(parent=f"projects/{project}", token=token)
        return (await maestro.tokens.create_token(request)).secret


async def watched_verdict(address: str, token: str, run: str) -> int:
    """The verdict that a watch on one replica ends with."""
    async with Maestro(address, token=token) as maestro:
        return (await maestro.wait_run(run)).verdict


async def recorded_kinds(maestro: Maestro, wanted: str) -> set[str]:
    """Waits until an event of this kind is in the project's log."""
    async with asyncio.timeout(30):
        while True:
            events = (await maestro.audit.list_events(audit_service_pb2.ListEventsRequest(parent=PARENT))).events
            kinds = {event.kind for event in events}
            if wanted in kinds:
                return kinds
            await asyncio.sleep(0.1)


async def test_a_run_goes_through_five_deployed_services(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "test_it.py").write_text("def test_good(): pass\n\ndef test_bad(): assert 1 == 2\n")
    async with deployed(tmp_path, postgres_url, redis_url) as mesh:
        mine, other = await api_token(mesh, "shop"), await api_token(mesh, "elsewhere")
        async with Maestro(mesh.registry, token=mine, discover=True) as maestro:
            run = await maestro.run_tree(PARENT, project)
            watches = (watched_verdict(address, mine, run.name) for address in mesh.instances["execution"])
            verdicts = await asyncio.wait_for(asyncio.gather(*watches), 60)
            assert verdicts == [test_result_pb2.VERDICT_FAILED] * 2
            assert "execution.runs.create" in await recorded_kinds(maestro, "execution.runs.create")
        async with Maestro(mesh.registry, token=other, discover=True) as stranger:
            with pytest.raises(PermissionDenied):
                await stranger.execution.get_run(execution_service_pb2.GetRunRequest(name=run.name))
