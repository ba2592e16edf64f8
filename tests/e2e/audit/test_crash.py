"""A real process is killed while it appends: nothing acknowledged is lost, nothing stands twice, nothing forks."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from maestro.audit.v1 import audit_service_pb2, event_pb2
from maestro_client import MaestroError, connect
from maestro_client.audit import AuditClient
from maestro_client.transparency import VerifierKey, open_checkpoint, verify_consistency

PROJECT = "projects/demo"
ROUNDS = 3
BATCH = 20
Request = audit_service_pb2.AppendStreamRequest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Killed:
    """The audit service in a process of its own, to be killed."""

    def __init__(self, state: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._state = state
        self._process: asyncio.subprocess.Process | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[AuditClient]:
        settings = {"MAESTRO_SERVER_ADDRESS": self.address, "MAESTRO_SERVER_STATE_DIRECTORY": str(self._state)}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "maestro_services.audit"),
            env=os.environ | settings,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await self._listening(self._process)
            async with connect(self.address, (self._state / "token").read_text().strip()) as maestro:
                yield maestro.audit
        finally:
            await self.kill()

    async def kill(self) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    async def _listening(self, process: asyncio.subprocess.Process) -> None:
        host, _, port = self.address.partition(":")
        while process.returncode is None:
            try:
                _reader, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                return
        raise AssertionError(f"the service ended with {process.returncode} instead of serving")


def batch(first: int) -> Request:
    entries = [
        audit_service_pb2.AppendEntry(
            sequence=sequence, event=event_pb2.Event(kind="execution.run.create", attributes={"n": str(sequence)})
        )
        for sequence in range(first, first + BATCH)
    ]
    return Request(batch=audit_service_pb2.AppendBatch(entries=entries))


async def endless(first: int) -> AsyncIterator[Request]:
    yield Request(hello=audit_service_pb2.ProducerHello(parent=PROJECT, producer_id="shipper", epoch=1))
    while True:
        yield batch(first)
        first += BATCH


class Producer:
    """Remembers what was acknowledged, and sends from behind that."""

    def __init__(self) -> None:
        self.acknowledged = 0

    async def append(self, client: AuditClient, count: int) -> None:
        goal = self.acknowledged + count
        async with aclosing(client.append_stream(endless(self.acknowledged + 1))) as responses:  # type: ignore[type-var]
            async for response in responses:
                if response.HasField("acknowledgement"):
                    self.acknowledged = response.acknowledgement.sequence
                if self.acknowledged >= goal:
                    break


async def checkpoint_of(client: AuditClient) -> tuple[str, VerifierKey]:
    key = await client.get_log_key(audit_service_pb2.GetLogKeyRequest(name=f"{PROJECT}/logKey"))
    answer = await client.get_checkpoint(audit_service_pb2.GetCheckpointRequest(name=f"{PROJECT}/checkpoint"))
    return answer.checkpoint.note, VerifierKey.parse(key.log_key.verifier_key)


async def all_events(client: AuditClient) -> list[event_pb2.Event]:
    found: list[event_pb2.Event] = []
    token = ""
    while True:
        request = audit_service_pb2.ListEventsRequest(
            parent=PROJECT, page_size=500, page_token=token, order_by="log_index"
        )
        page = await client.list_events(request)
        found += page.events
        token = page.next_page_token
        if not token:
            return found


async def test_a_killed_service_has_every_acknowledged_event_once_and_one_history(tmp_path: Path) -> None:
    producer, notes = Producer(), []
    for count in range(ROUNDS):
        service = Killed(tmp_path)
        async with service.running() as client:
            await producer.append(client, 10 * BATCH * (count + 1))
            note, key = await checkpoint_of(client)
            notes.append(note)
            sending = asyncio.create_task(producer.append(client, 10**9))
            await asyncio.sleep(0.1 * count)
            await service.kill()
            await asyncio.wait([sending])
            assert isinstance(sending.exception(), MaestroError)
    async with Killed(tmp_path).running() as client:
        events = await all_events(client)
        newest, key = await checkpoint_of(client)
        assert sorted(int(event.attributes["n"]) for event in events) == list(range(1, len(events) + 1))
        assert len(events) >= producer.acknowledged
        assert [event.log_index for event in events] == list(range(len(events)))
        new = open_checkpoint(newest, key)
        for note in notes:
            old = open_checkpoint(note, key)
            request = audit_service_pb2.GetConsistencyProofRequest(parent=PROJECT, first_size=old.size)
            proof = (await client.get_consistency_proof(request)).consistency_proof
            verify_consistency(old.size, new.size, old.root, new.root, proof.hashes)
