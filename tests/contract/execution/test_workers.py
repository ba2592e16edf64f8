"""WorkerService: what a worker reports is kept once, whatever breaks."""

import asyncio

import pytest
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import execution_service_pb2, results_service_pb2, run_pb2, worker_service_pb2
from maestro_client import Maestro, errors

from tests.contract.execution.fake_worker import FakeWorker
from tests.contract.execution.messages import collected, ended, event, finished, printed, started

pb = execution_service_pb2
# For tests that wait for a lease to expire; the others must not, however slow the machine is.
short_leases = pytest.mark.parametrize("settings", [{"lease_seconds": 1.0}], indirect=True)
NAMES = [f"test_a.py::test_{number}" for number in range(10)]


async def finalized(maestro, name: str) -> run_pb2.Run:
    """The run as of its end."""
    last = None
    async for response in maestro.execution.watch_run(pb.WatchRunRequest(name=name)):
        last = response.run if response.HasField("run") else last
    assert last is not None
    return last


async def cases_of(maestro, name: str):
    request = results_service_pb2.ListTestCasesRequest(parent=name, page_size=1000)
    return (await maestro.results.list_test_cases(request)).test_cases


async def test_a_run_from_assignment_to_verdict(maestro, create_run, workers):
    run = await create_run()
    worker = workers()
    welcome = await worker.connect()
    assignment = await worker.assigned()
    isolation = worker_service_pb2.ActionStarted(command_line=["pytest"])

    worker.report(assignment.lease, 1, event(action_started=isolation), collected(*NAMES))
    worker.report(assignment.lease, 3, *[started(name) for name in NAMES])
    worker.report(assignment.lease, 13, *[finished(name) for name in NAMES], ended())
    await worker.acknowledged(23)

    assert welcome.lease_ttl.ToSeconds() == 30
    assert assignment.action.startswith(run.name)
    assert (assignment.spec, assignment.attempt_number) == (run.spec, 1)
    done = await finalized(maestro, run.name)
    assert done.verdict == test_result_pb2.VERDICT_PASSED
    assert (done.counts.total_count, done.counts.completed_count, done.counts.pass_count) == (10, 10, 10)
    assert [test.test_id for test in await cases_of(maestro, run.name)] == NAMES
    actions = (await maestro.results.list_actions(results_service_pb2.ListActionsRequest(parent=run.name))).actions
    assert [(one.execution.worker, list(one.execution.command_line)) for one in actions] == [("worker-1", ["pytest"])]
    assert actions[0].execution.exit_code == 0


async def test_a_passed_proposal_with_a_failed_test_is_a_failed_run(maestro, create_run, workers):
    run = await create_run()
    worker = workers()
    await worker.connect()
    lease = (await worker.assigned()).lease
    failure = test_result_pb2.Failure(message="no", exception_type="builtins.AssertionError")

    worker.report(lease, 1, collected("a::t"), finished("a::t", "FAIL", failures=[failure], cause=1), ended("PASSED"))
    await worker.acknowledged(3)

    done = await finalized(maestro, run.name)
    assert (done.verdict, done.cause) == (test_result_pb2.VERDICT_FAILED, test_result_pb2.CAUSE_ASSERTION)
    (test,) = await cases_of(maestro, run.name)
    assert list(test.failures) == [failure]


async def test_a_resent_batch_is_counted_once(maestro, create_run, workers):
    run = await create_run()
    worker = workers()
    await worker.connect()
    lease = (await worker.assigned()).lease
    events = [collected(*NAMES), printed(b"once"), *[finished(name) for name in NAMES]]

    for _ in range(3):
        worker.report(lease, 1, *events)
    worker.report(lease, 5, *events[4:], ended())
    await worker.acknowledged(13)

    done = await finalized(maestro, run.name)
    assert (done.counts.total_count, done.counts.pass_count) == (10, 10)
    log = maestro.results.read_log(results_service_pb2.ReadLogRequest(name=run.name))
    assert [piece.data async for piece in log] == [b"once"]


async def test_a_gap_in_the_sequence_ends_the_stream(create_run, workers):
    await create_run()
    worker = workers()
    await worker.connect()
    lease = (await worker.assigned()).lease

    worker.report(lease, 2, started("a::t"))

    with pytest.raises(errors.Aborted) as caught:
        await worker.hear()
    assert caught.value.reason == "SEQUENCE_MISMATCH"
    assert caught.value.metadata == {"expected": "1", "received": "2"}


async def test_a_worker_that_comes_back_goes_on_where_the_server_is(maestro, create_run, workers):
    run = await create_run()
    worker = workers()
    await worker.connect()
    lease = (await worker.assigned()).lease
    worker.report(lease, 1, collected(*NAMES), *[finished(name) for name in NAMES[:4]])
    await worker.acknowledged(5)

    await worker.cut()
    welcome = await worker.connect([lease, "forgotten"])

    assert [(one.lease, one.next_sequence) for one in welcome.resumed_leases] == [(lease, 6)]
    worker.report(lease, 4, *[finished(name) for name in NAMES[2:]], ended())
    await worker.acknowledged(12)
    done = await finalized(maestro, run.name)
    assert (done.verdict, done.counts.pass_count) == (test_result_pb2.VERDICT_PASSED, 10)
    assert (
        len((await maestro.results.list_actions(results_service_pb2.ListActionsRequest(parent=run.name))).actions) == 1
    )


async def test_streams_cut_at_any_point_lose_and_double_nothing(maestro, create_run, workers):
    run = await create_run()
    names = [f"test_b.py::test_{number}" for number in range(300)]
    events = [collected(*names), *[finished(name) for name in names], ended()]
    worker = workers()
    await worker.connect()
    lease = (await worker.assigned()).lease
    position = 0
    while position < len(events):
        for start in range(position, len(events), 20):
            worker.report(lease, start + 1, *events[start : start + 20])
        # Some batches are committed without an acknowledgement that was heard, some are not.
        await worker.hear()
        await worker.cut()
        welcome = await worker.connect([lease])
        position = welcome.resumed_leases[0].next_sequence - 1

    done = await finalized(maestro, run.name)
    assert (done.counts.total_count, done.counts.completed_count, done.counts.pass_count) == (300, 300, 300)


@short_leases
async def test_a_lost_workers_tests_are_given_to_another(maestro, create_run, workers):
    run = await create_run()
    first, second = workers("worker-1"), workers("worker-2")
    await first.connect()
    lease = (await first.assigned()).lease
    first.report(lease, 1, collected(*NAMES), *[finished(name) for name in NAMES[:4]], started(NAMES[4]))
    await first.acknowledged(6)
    await first.cut()

    await second.connect()
    assignment = await second.assigned()

    assert assignment.attempt_number == 2
    assert await completed(maestro, assignment) == NAMES[:4]
    second.report(assignment.lease, 1, collected(*NAMES[4:]), *[finished(name) for name in NAMES[4:]], ended())
    await second.acknowledged(8)
    done = await finalized(maestro, run.name)
    assert (done.verdict, done.counts.total_count) == (test_result_pb2.VERDICT_PASSED, 10)
    tests = await cases_of(maestro, run.name)
    assert [(a.attempt_number, a.cause) for a in tests[4].earlier_attempts] == [(1, test_result_pb2.CAUSE_WORKER_LOST)]
    assert [test.attempt_number for test in tests] == [1] * 4 + [2] * 6
    actions = (await maestro.results.list_actions(results_service_pb2.ListActionsRequest(parent=run.name))).actions
    assert [(one.attempt_number, one.verdict) for one in actions] == [
        (1, test_result_pb2.VERDICT_INCOMPLETE),
        (2, test_result_pb2.VERDICT_PASSED),
    ]


async def completed(maestro: Maestro, assignment: worker_service_pb2.Assignment) -> list[str]:
    import json

    from maestro.execution.v1 import artifact_service_pb2

    request = artifact_service_pb2.DownloadBlobRequest(parent="projects/demo", digest=assignment.completed_tests)
    data = b"".join([response.data async for response in maestro.artifacts.download_blob(request)])
    found: list[str] = json.loads(data)
    return found


@short_leases
async def test_a_lost_worker_that_speaks_again_is_told_so(create_run, workers):
    await create_run()
    first, second = workers("worker-1"), workers("worker-2")
    await first.connect()
    lease = (await first.assigned()).lease
    await second.connect()
    await second.assigned()

    first.report(lease, 1, started("a::t"))

    assert (await first.hear()).lease_lost.lease == lease
    first.beat(lease)
    assert (await first.hear()).lease_lost.lease == lease


@short_leases
async def test_heartbeats_keep_a_lease(create_run, workers, settings):
    await create_run()
    worker = workers()
    await worker.connect()
    lease = (await worker.assigned()).lease
    began = asyncio.get_running_loop().time()

    while asyncio.get_running_loop().time() < began + 2 * settings.lease_seconds:
        worker.beat(lease)
        await asyncio.sleep(settings.heartbeat_seconds)

    worker.report(lease, 1, started("a::t"))
    await worker.acknowledged(1)


@short_leases
async def test_a_run_without_attempts_left_fails_with_its_cause(maestro, create_run, workers):
    run = await create_run()
    worker = workers()
    for attempt in (1, 2, 3):
        await worker.connect()
        assignment = await worker.assigned()
        assert assignment.attempt_number == attempt
        worker.report(assignment.lease, 1, collected("a::t"), started("a::t"))
        await worker.acknowledged(2)
        await worker.cut()

    done = await finalized(maestro, run.name)

    assert (done.verdict, done.cause) == (test_result_pb2.VERDICT_INFRA_FAILED, test_result_pb2.CAUSE_WORKER_LOST)
    (test,) = await cases_of(maestro, run.name)
    assert (test.disposition, test.cause) == (
        test_result_pb2.DISPOSITION_INTERRUPTED,
        test_result_pb2.CAUSE_WORKER_LOST,
    )
    assert len(test.earlier_attempts) == 2


async def test_work_that_never_reached_its_worker_waits_again_as_it_was(create_run, workers):
    await create_run()
    worker = workers()
    await worker.connect()
    first = await worker.assigned()
    await worker.cut()

    await worker.connect()
    second = await worker.assigned()

    assert second.attempt_number == 1
    assert second.lease != first.lease


async def test_a_cancellation_reaches_the_worker_and_ends_the_run(maestro, create_run, workers):
    run = await create_run()
    worker = workers()
    await worker.connect()
    lease = (await worker.assigned()).lease
    worker.report(lease, 1, collected("a::t", "a::u"), started("a::t"))
    await worker.acknowledged(2)

    answer = await maestro.execution.cancel_run(pb.CancelRunRequest(name=run.name, reason="enough"))
    cancellation = (await worker.hear()).cancellation

    assert answer.run.state == run_pb2.Run.STATE_CANCELLING
    assert cancellation.lease == lease
    worker.report(lease, 3, ended("CANCELLED"))
    await worker.acknowledged(3)
    done = await finalized(maestro, run.name)
    assert (done.verdict, done.cause) == (test_result_pb2.VERDICT_CANCELLED, test_result_pb2.CAUSE_CANCELLED)
    assert "enough" in done.status_message
    assert [test.disposition for test in await cases_of(maestro, run.name)] == [
        test_result_pb2.DISPOSITION_INTERRUPTED,
        test_result_pb2.DISPOSITION_NOT_STARTED,
    ]


@short_leases
async def test_a_cancelled_run_of_a_lost_worker_ends_with_its_lease(maestro, create_run, workers):
    run = await create_run()
    worker = workers()
    await worker.connect()
    await worker.assigned()
    await worker.cut()

    await maestro.execution.cancel_run(pb.CancelRunRequest(name=run.name))

    assert (await finalized(maestro, run.name)).verdict == test_result_pb2.VERDICT_CANCELLED


async def test_slots_bound_what_is_assigned_and_projects_take_turns(maestro, create_run, workers, upload):
    runs = [await create_run() for _ in range(3)]
    worker = workers(slots=2)
    await worker.connect()

    first, second = await worker.assigned(), await worker.assigned()
    worker.report(first.lease, 1, finished("a::t"), ended())
    await worker.acknowledged(2)
    third = await worker.assigned()

    assert [one.action.rpartition("/actions/")[0] for one in (first, second, third)] == [run.name for run in runs]


async def test_a_worker_that_says_goodbye_gets_no_more_work(maestro, create_run, workers):
    worker = workers()
    await worker.connect()
    worker.say(goodbye=worker_service_pb2.WorkerGoodbye(reason="done"))
    worker.hang_up()

    with pytest.raises(StopAsyncIteration):
        await worker.hear()
    run = await create_run()
    assert (await maestro.execution.get_run(pb.GetRunRequest(name=run.name))).run.state == run_pb2.Run.STATE_QUEUED


async def test_a_stream_that_does_not_begin_with_hello_is_refused(workers):
    worker = workers()
    worker.beat()
    worker._responses = worker._maestro.workers.work(worker._said())

    with pytest.raises(errors.InvalidArgument) as caught:
        await worker.hear()
    assert caught.value.reason == "HELLO_EXPECTED"


async def test_only_workers_may_work(running):
    token = running.platform.secret.token_for("worker")
    async with Maestro(running.address, token=token[:-1] + "x") as stranger:
        worker = FakeWorker(stranger)
        with pytest.raises(errors.Unauthenticated):
            await worker.connect()


async def test_a_server_restarted_between_batches_loses_and_doubles_nothing(host, compose):
    from tests.contract.execution.messages import run_request, stream_of, tree_blobs, upload_messages

    async with host(compose) as running, Maestro(running.address, token=running.token) as maestro:
        digest, blobs = tree_blobs()
        await maestro.artifacts.upload_blobs(stream_of(upload_messages(*blobs)))
        run = (await maestro.execution.create_run(run_request(digest))).run
        worker = FakeWorker(maestro)
        await worker.connect()
        lease = (await worker.assigned()).lease
        worker.report(lease, 1, collected(*NAMES), *[finished(name) for name in NAMES[:5]])
        await worker.acknowledged(6)
        await worker.cut()

    async with host(compose) as running, Maestro(running.address, token=running.token) as maestro:
        worker = FakeWorker(maestro)
        welcome = await worker.connect([lease])
        assert welcome.resumed_leases[0].next_sequence == 7
        worker.report(lease, 5, *[finished(name) for name in NAMES[3:]], ended())
        await worker.acknowledged(12)
        done = await finalized(maestro, run.name)
        await worker.cut()

    assert (done.verdict, done.counts.total_count, done.counts.pass_count) == (test_result_pb2.VERDICT_PASSED, 10, 10)


async def test_a_draining_server_says_so_and_ends_the_stream(host, compose):
    async with host(compose) as running, Maestro(running.address, token=running.token) as maestro:
        worker = FakeWorker(maestro)
        await worker.connect()
        running.platform.draining.set()

        assert (await worker.hear()).HasField("drain")
        with pytest.raises(StopAsyncIteration):
            await worker.hear()
        with pytest.raises(errors.Unavailable) as caught:
            await FakeWorker(maestro, "worker-2").connect()
        assert caught.value.reason == "DRAINING"


async def test_a_stream_ends_with_its_deadline_and_the_worker_can_come_back(running, create_run):
    await create_run()
    async with Maestro(running.address, token=running.token) as maestro:

        async def said():
            hello = worker_service_pb2.WorkerHello(worker_id="worker-1", slot_count=1)
            yield worker_service_pb2.WorkRequest(hello=hello)
            await asyncio.Event().wait()

        responses = maestro.workers.work(said(), timeout=0.5)
        await anext(responses)
        lease = (await anext(responses)).assignment.lease
        with pytest.raises(errors.DeadlineExceeded):
            await anext(responses)
        worker = FakeWorker(maestro)
        welcome = await worker.connect([lease])
        await worker.cut()

    assert [one.lease for one in welcome.resumed_leases] == [lease]
