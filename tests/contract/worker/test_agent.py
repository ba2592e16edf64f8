"""The worker against a server that cuts its streams, is slow, goes away, and takes leases back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import artifact_pb2, run_pb2, worker_service_pb2
from maestro_client import Maestro
from maestro_services.worker import events
from maestro_services.worker.action import Workshop
from maestro_services.worker.adapters.conclusion import Conclusion, stopped
from maestro_services.worker.agent import Agent, NoServerError
from maestro_services.worker.blobs import BlobCache
from maestro_services.worker.board import Board
from maestro_services.worker.sandbox.sandbox import Sandbox
from maestro_services.worker.stage import Stage

from tests.contract.worker.fake_server import FakeArtifacts, FakeServer, serve


class Scripted:
    """An adapter that says so many things, then waits for the end if it is told to."""

    def __init__(self) -> None:
        self.said = 0
        self.stages: list[Stage] = []

    async def run(self, stage: Stage) -> Conclusion:
        self.stages.append(stage)
        count, pause, waits = (int(part) for part in stage.spec.command.arguments)
        for number in range(count):
            await stage.sink.emit(events.output_written(events.STDOUT, b"%d" % number))
            self.said += 1
            await asyncio.sleep(pause / 1000)
        if waits:
            await stage.guard.wait()
        return stopped(stage.guard) if stage.guard.stopped else Conclusion(test_result_pb2.VERDICT_PASSED)


class Works:
    """A fake server with an agent connected to it."""

    def __init__(self, server: FakeServer, agent: Agent, board: Board, adapter: Scripted, root: Any) -> None:
        self.server, self.agent, self.board, self.adapter, self.root = server, agent, board, adapter, root
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(agent.run(self.stop))

    def assign(self, lease: str, count: int, *, pause: int = 0, waits: bool = False) -> None:
        arguments = [str(count), str(pause), str(int(waits))]
        self.server.assign(
            lease, run_pb2.RunSpec(input_root=self.root, command=run_pb2.CommandPlan(arguments=arguments))
        )

    async def finished(self, lease: str) -> list[bytes]:
        await self.server.wait_for(lambda: self.server.is_finished(lease))
        said = [event for event in self.server.committed[lease] if event.HasField("output_written")]
        return [event.output_written.data for event in said]

    def verdict(self, lease: str) -> str:
        name = test_result_pb2.Verdict.Name(self.server.committed[lease][-1].action_finished.verdict)
        return name.removeprefix("VERDICT_")


Working = Callable[..., Any]


@pytest.fixture
def working(tmp_path: Path) -> Working:
    @asynccontextmanager
    async def connected(grace: float = 1.0, patience: float = 60.0) -> AsyncIterator[Works]:
        servicer, artifacts, adapter = FakeServer(), FakeArtifacts(), Scripted()
        root = artifacts.add(artifact_pb2.Directory().SerializeToString())
        server, port = await serve(servicer)
        blobs = BlobCache(tmp_path / "blobs", artifacts, 1 << 20)
        blobs.open()
        (tmp_path / "actions").mkdir()
        board = Board(Workshop(tmp_path / "actions", Sandbox(), blobs, artifacts, {"command": adapter}))
        async with Maestro(f"127.0.0.1:{port}", token="x") as client:
            hello = worker_service_pb2.WorkerHello(worker_id="worker-1", host_name="h", slot_count=2)
            agent = Agent(hello, client.workers, board, grace_seconds=grace, patience_seconds=patience)
            works = Works(servicer, agent, board, adapter, root)
            try:
                yield works
            finally:
                works.stop.set()
                if not works.task.done():
                    works.task.cancel()
                await asyncio.wait({works.task})
                await server.stop(0)
        assert list((tmp_path / "actions").iterdir()) == []

    return connected


EXPECTED = [b"%d" % number for number in range(5000)]


async def test_events_arrive_in_order_and_in_batches(working: Working) -> None:
    async with working() as works:
        works.assign("l1", 5000)
        assert await works.finished("l1") == EXPECTED
        assert works.verdict("l1") == "PASSED"
        assert max(works.server.batches) <= 1000
        assert len(works.server.batches) < 200


@pytest.mark.parametrize("acknowledges", [True, False])
async def test_a_cut_stream_loses_and_doubles_nothing(working: Working, acknowledges: bool) -> None:
    async with working() as works:
        works.server.acknowledges = acknowledges
        works.server.cuts = [1, 700, 1, 333, 1200, 50]
        if not acknowledges:
            # What was committed is known from the welcome only.
            works.server.window = 100_000
        works.assign("l1", 5000)
        assert await works.finished("l1") == EXPECTED
        assert len(works.server.hellos) == 7 if acknowledges else len(works.server.hellos) > 1
        assert list(works.server.hellos[1].held_leases) == ["l1"]


async def test_two_actions_share_a_stream(working: Working) -> None:
    async with working() as works:
        works.server.cuts = [500, 500]
        works.assign("l1", 2000)
        works.assign("l2", 2000)
        assert await works.finished("l1") == EXPECTED[:2000]
        assert await works.finished("l2") == EXPECTED[:2000]


async def test_a_server_that_does_not_acknowledge_stops_the_tests(working: Working) -> None:
    async with working() as works:
        works.server.acknowledges = False
        works.assign("l1", 5000)
        await works.server.wait_for(lambda: len(works.server.committed["l1"]) == works.server.window)
        await asyncio.sleep(0.2)
        assert works.adapter.said <= works.server.window
        works.server.acknowledges = True
        works.server.acknowledge("l1")
        assert await works.finished("l1") == EXPECTED


async def test_heartbeats_name_the_leases(working: Working) -> None:
    async with working() as works:
        works.assign("l1", 0, waits=True)
        await works.server.wait_for(lambda: works.server.heartbeats[-2:] == [["l1"], ["l1"]])


async def test_a_cancelled_action_says_so(working: Working) -> None:
    async with working() as works:
        works.assign("l1", 3, waits=True)
        await works.server.wait_for(lambda: len(works.server.committed["l1"]) == 3)
        cancellation = worker_service_pb2.ActionCancellation(lease="l1", cause=test_result_pb2.CAUSE_SUPERSEDED)
        works.server.answers.put_nowait(worker_service_pb2.WorkResponse(cancellation=cancellation))
        await works.finished("l1")
        finished = works.server.committed["l1"][-1].action_finished
        assert (works.verdict("l1"), finished.cause) == ("CANCELLED", test_result_pb2.CAUSE_SUPERSEDED)


@pytest.mark.parametrize("by_message", [True, False])
async def test_a_lost_lease_is_dropped_with_its_events(working: Working, by_message: bool) -> None:
    async with working() as works:
        works.assign("l1", 3, waits=True)
        await works.server.wait_for(lambda: len(works.server.committed["l1"]) == 3)
        if by_message:
            lost = worker_service_pb2.LeaseLost(lease="l1")
            works.server.answers.put_nowait(worker_service_pb2.WorkResponse(lease_lost=lost))
        else:
            works.server.known_leases.clear()
            works.server.answers.put_nowait(None)
            await works.server.wait_for(lambda: len(works.server.hellos) == 2)
        works.assign("l2", 10)
        assert await works.finished("l2") == EXPECTED[:10]
        assert len(works.server.committed["l1"]) == 3
        assert works.adapter.stages[0].guard.stopped


async def test_what_the_server_never_takes_is_given_up(working: Working) -> None:
    async with working() as works:
        works.server.refused = "l1"
        works.assign("l1", 3, waits=True)
        await works.server.wait_for(lambda: works.server.heartbeats[-1:] == [[]] and works.server.refusals == 5)
        works.assign("l2", 10)
        assert await works.finished("l2") == EXPECTED[:10]
        assert works.adapter.stages[0].guard.stopped
        assert works.server.refusals == 5


async def test_a_draining_worker_finishes_what_it_has(working: Working) -> None:
    async with working(grace=10) as works:
        works.assign("l1", 20, pause=10)
        await works.server.wait_for(lambda: works.server.committed["l1"])
        works.stop.set()
        await asyncio.wait_for(works.task, 5)
        assert works.server.goodbyes == 1
        assert await works.finished("l1") == EXPECTED[:20]


async def test_a_draining_worker_gives_up_after_its_grace(working: Working) -> None:
    async with working(grace=0.2) as works:
        works.assign("l1", 3, waits=True)
        await works.server.wait_for(lambda: len(works.server.committed["l1"]) == 3)
        works.stop.set()
        await asyncio.wait_for(works.task, 2)
        assert not works.server.is_finished("l1")
        assert works.adapter.stages[0].guard.stopped


async def test_an_idle_worker_ends_at_once(working: Working) -> None:
    async with working(grace=30) as works:
        await works.server.wait_for(lambda: works.server.heartbeats)
        works.stop.set()
        await asyncio.wait_for(works.task, 1)


async def test_a_worker_without_a_server_ends_after_its_patience(tmp_path: Path) -> None:
    board = Board(Workshop(tmp_path, Sandbox(), None, None, {}))  # type: ignore[arg-type]
    async with Maestro("127.0.0.1:1", token="x") as client:
        hello = worker_service_pb2.WorkerHello(worker_id="worker-1", slot_count=1)
        agent = Agent(hello, client.workers, board, grace_seconds=1, patience_seconds=0.5)
        with pytest.raises(NoServerError, match=r"0\.5 seconds"):
            await asyncio.wait_for(agent.run(asyncio.Event()), 10)


async def test_a_missing_blob_is_the_platforms_failure(working: Working) -> None:
    async with working() as works:
        works.root = type(works.root)(sha256="0" * 64, size_bytes=1)
        works.assign("l1", 0)
        await works.finished("l1")
        assert works.verdict("l1") == "INFRA_FAILED"
        assert works.server.committed["l1"][-1].action_finished.cause == test_result_pb2.CAUSE_PROVISIONING
