"""WatchRun and WatchRuns: nothing is missed, whatever is cut."""

import asyncio

import pytest
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import execution_service_pb2 as pb
from maestro.execution.v1 import run_pb2
from maestro_client import Maestro, errors

from tests.contract.execution.fake_worker import FakeWorker
from tests.contract.execution.messages import (
    PROJECT,
    collected,
    ended,
    finished,
    run_request,
    started,
    stream_of,
    tree_blobs,
    upload_messages,
)


async def report_all(worker: FakeWorker, names: list[str], lease: str) -> None:
    """Reports a run in small batches, each acknowledged."""
    events = [collected(*names)]
    for name in names:
        events += [started(name), finished(name)]
    events.append(ended())
    for start in range(0, len(events), 50):
        worker.report(lease, start + 1, *events[start : start + 50])
        await worker.acknowledged(min(start + 50, len(events)))


async def test_a_watch_tells_the_whole_run_and_ends_with_it(maestro, create_run, workers):
    names = [f"t.py::test_{number}" for number in range(120)]
    run = await create_run()
    worker = workers()
    await worker.connect()
    lease = (await worker.assigned()).lease
    reporting = asyncio.create_task(report_all(worker, names, lease))

    outcomes, states = {}, []
    async for response in maestro.execution.watch_run(pb.WatchRunRequest(name=run.name)):
        outcomes |= {test.test_id: test.outcome for test in response.test_cases}
        if response.HasField("run"):
            states.append(response.run.state)
            last = response.run
    await reporting

    assert outcomes == dict.fromkeys(names, test_result_pb2.OUTCOME_PASS)
    assert states == sorted(states)
    assert (last.state, last.verdict) == (run_pb2.Run.STATE_FINALIZED, test_result_pb2.VERDICT_PASSED)
    assert last.counts.pass_count == 120


async def test_a_watch_cut_after_every_message_misses_nothing(maestro, create_run, workers):
    names = [f"t.py::test_{number}" for number in range(700)]
    run = await create_run()
    worker = workers()
    await worker.connect()
    reporting = asyncio.create_task(report_all(worker, names, (await worker.assigned()).lease))

    outcomes, token, last = {}, "", None
    while last is None or last.state != run_pb2.Run.STATE_FINALIZED:
        watch = maestro.execution.watch_run(pb.WatchRunRequest(name=run.name, resume_token=token))
        response = await anext(watch)
        await watch.aclose()
        assert len(response.test_cases) <= 500
        outcomes |= {test.test_id: test.outcome for test in response.test_cases}
        token = response.resume_token
        last = response.run if response.HasField("run") else last
    await reporting

    assert outcomes == dict.fromkeys(names, test_result_pb2.OUTCOME_PASS)


async def test_a_finalized_run_is_told_at_once(maestro, create_run):
    run = await create_run()
    await maestro.execution.cancel_run(pb.CancelRunRequest(name=run.name))

    responses = [response async for response in maestro.execution.watch_run(pb.WatchRunRequest(name=run.name))]
    again = pb.WatchRunRequest(name=run.name, resume_token=responses[-1].resume_token)

    assert [response.run.state for response in responses] == [run_pb2.Run.STATE_FINALIZED]
    assert [r.run.state async for r in maestro.execution.watch_run(again)] == [run_pb2.Run.STATE_FINALIZED]


async def test_an_idle_watch_carries_heartbeats(maestro, create_run):
    run = await create_run()
    watch = maestro.execution.watch_run(pb.WatchRunRequest(name=run.name))

    first, heartbeat = await anext(watch), await anext(watch)
    await watch.aclose()

    assert first.run.name == run.name
    assert not heartbeat.HasField("run")
    assert heartbeat.resume_token


async def test_a_token_of_another_run_is_refused(maestro, create_run):
    first, second = await create_run(), await create_run()
    watch = maestro.execution.watch_run(pb.WatchRunRequest(name=first.name))
    token = (await anext(watch)).resume_token
    await watch.aclose()

    for request in (
        pb.WatchRunRequest(name=second.name, resume_token=token),
        pb.WatchRunRequest(name=second.name, resume_token="made up"),
    ):
        with pytest.raises(errors.InvalidArgument) as caught:
            await anext(maestro.execution.watch_run(request))
        assert caught.value.reason == "RESUME_TOKEN_INVALID"


async def test_the_runs_of_a_project_are_followed_over_cuts(maestro, create_run, workers):
    states = {}
    token = await now(maestro)
    names = [(await create_run()).name for _ in range(3)]
    worker = workers()
    await worker.connect()
    for _ in names:
        worker.report((await worker.assigned()).lease, 1, finished("a::t"), ended())
        await worker.acknowledged(2)

    while sum(len(told) for told in states.values()) < 9:
        watch = maestro.execution.watch_runs(pb.WatchRunsRequest(parent=PROJECT, resume_token=token))
        response = await anext(watch)
        await watch.aclose()
        token = response.resume_token
        if response.HasField("run"):
            states.setdefault(response.run.name, []).append(response.run.state)

    life = [run_pb2.Run.STATE_QUEUED, run_pb2.Run.STATE_RUNNING, run_pb2.Run.STATE_FINALIZED]
    assert states == dict.fromkeys(names, life)


async def now(maestro: Maestro) -> str:
    """A token of this moment."""
    watch = maestro.execution.watch_runs(pb.WatchRunsRequest(parent=PROJECT))
    token = (await anext(watch)).resume_token
    await watch.aclose()
    return token


async def test_runs_of_other_projects_are_not_told(maestro, create_run):
    watch = maestro.execution.watch_runs(pb.WatchRunsRequest(parent="projects/other"))
    await anext(watch)

    await create_run()
    response = await anext(watch)
    await watch.aclose()

    assert not response.HasField("run")


async def test_a_token_of_another_project_is_refused(maestro):
    token = await now(maestro)

    with pytest.raises(errors.InvalidArgument) as caught:
        await anext(maestro.execution.watch_runs(pb.WatchRunsRequest(parent="projects/other", resume_token=token)))

    assert caught.value.reason == "RESUME_TOKEN_INVALID"


async def drained(watch) -> None:
    """Reads a watch to its end."""
    async for _ in watch:
        pass


async def test_draining_ends_watches_and_their_tokens_go_on_after_it(host, compose):
    async with host(compose) as running, Maestro(running.address, token=running.token) as maestro:
        digest, blobs = tree_blobs()
        await maestro.artifacts.upload_blobs(stream_of(upload_messages(*blobs)))
        run = (await maestro.execution.create_run(run_request(digest))).run
        token = await now(maestro)
        watches = [
            maestro.execution.watch_run(pb.WatchRunRequest(name=run.name)),
            maestro.execution.watch_runs(pb.WatchRunsRequest(parent=PROJECT)),
        ]
        for watch in watches:
            await anext(watch)
        running.platform.draining.set()
        for watch in watches:
            with pytest.raises(errors.Unavailable) as caught:
                await asyncio.wait_for(drained(watch), 2)
            assert caught.value.reason == "DRAINING"

    async with host(compose) as running, Maestro(running.address, token=running.token) as maestro:
        watch = maestro.execution.watch_runs(pb.WatchRunsRequest(parent=PROJECT, resume_token=token))
        await maestro.execution.cancel_run(pb.CancelRunRequest(name=run.name))
        assert (await anext(watch)).run.state == run_pb2.Run.STATE_FINALIZED
        await watch.aclose()


async def test_a_watch_ends_with_its_deadline(maestro, create_run):
    run = await create_run()

    with pytest.raises(errors.DeadlineExceeded):
        async for _ in maestro.execution.watch_run(pb.WatchRunRequest(name=run.name), timeout=0.5):
            pass
