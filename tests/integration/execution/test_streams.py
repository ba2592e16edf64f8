"""A worker's stream and a watch, on PostgreSQL: cut at will, nothing is lost or doubled."""

import asyncio

from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import execution_service_pb2 as pb
from maestro.execution.v1 import run_pb2
from maestro_client import Maestro
from maestro_services.execution.compose import compose

from tests.contract.execution.fake_worker import FakeWorker
from tests.contract.execution.messages import (
    collected,
    ended,
    finished,
    run_request,
    started,
    stream_of,
    tree_blobs,
    upload_messages,
)

NAMES = [f"t.py::test_{number}" for number in range(200)]


async def report(maestro: Maestro) -> None:
    """Reports a run, and cuts its stream after every acknowledgement."""
    events = [collected(*NAMES)]
    for name in NAMES:
        events += [started(name), finished(name)]
    events.append(ended())
    worker = FakeWorker(maestro)
    await worker.connect()
    lease = (await worker.assigned()).lease
    position = 0
    while position < len(events):
        for start in range(position, len(events), 50):
            worker.report(lease, start + 1, *events[start : start + 50])
        await worker.hear()
        await worker.cut()
        position = (await worker.connect([lease])).resumed_leases[0].next_sequence - 1
    await worker.cut()


async def test_a_cut_stream_and_a_cut_watch_on_postgresql(host, postgres_url):
    async with (
        host(compose, database_url=postgres_url) as running,
        Maestro(running.address, token=running.token) as maestro,
    ):
        root, blobs = tree_blobs()
        await maestro.artifacts.upload_blobs(stream_of(upload_messages(*blobs)))
        name = (await maestro.execution.create_run(run_request(root))).run.name
        reporting = asyncio.create_task(report(maestro))

        outcomes, token, run = {}, "", run_pb2.Run()
        while run.state != run_pb2.Run.STATE_FINALIZED:
            watch = maestro.execution.watch_run(pb.WatchRunRequest(name=name, resume_token=token))
            response = await anext(watch)
            await watch.aclose()
            token = response.resume_token
            outcomes |= {test.test_id: test.outcome for test in response.test_cases}
            run = response.run if response.HasField("run") else run
        await reporting

    assert outcomes == dict.fromkeys(NAMES, test_result_pb2.OUTCOME_PASS)
    assert (run.verdict, run.counts.total_count, run.counts.pass_count) == (test_result_pb2.VERDICT_PASSED, 200, 200)
