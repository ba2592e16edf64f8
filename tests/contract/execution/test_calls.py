"""What holds for every RPC of the service."""

import pytest
from maestro.common.v1 import digest_pb2
from maestro.execution.v1 import (
    artifact_service_pb2,
    execution_service_pb2,
    results_service_pb2,
    worker_service_pb2,
)
from maestro_client import Maestro, errors

from tests.contract.execution.messages import PROJECT, stream_of

RUN = f"{PROJECT}/runs/nothing"
DIGEST = digest_pb2.Digest(sha256="0" * 64)


async def last(responses):
    """Reads a stream to its end."""
    async for _ in responses:
        pass


CALLS = {
    "CreateRun": lambda m: m.execution.create_run(execution_service_pb2.CreateRunRequest(parent=PROJECT)),
    "GetRun": lambda m: m.execution.get_run(execution_service_pb2.GetRunRequest(name=RUN)),
    "ListRuns": lambda m: m.execution.list_runs(execution_service_pb2.ListRunsRequest(parent=PROJECT)),
    "CancelRun": lambda m: m.execution.cancel_run(execution_service_pb2.CancelRunRequest(name=RUN)),
    "WatchRun": lambda m: last(m.execution.watch_run(execution_service_pb2.WatchRunRequest(name=RUN))),
    "WatchRuns": lambda m: last(m.execution.watch_runs(execution_service_pb2.WatchRunsRequest(parent=PROJECT))),
    "FindMissingBlobs": lambda m: m.artifacts.find_missing_blobs(
        artifact_service_pb2.FindMissingBlobsRequest(parent=PROJECT)
    ),
    "UploadBlobs": lambda m: m.artifacts.upload_blobs(
        stream_of([artifact_service_pb2.UploadBlobsRequest(parent=PROJECT, digest=DIGEST)])
    ),
    "DownloadBlob": lambda m: last(
        m.artifacts.download_blob(artifact_service_pb2.DownloadBlobRequest(parent=PROJECT, digest=DIGEST))
    ),
    "GetTestCase": lambda m: m.results.get_test_case(
        results_service_pb2.GetTestCaseRequest(name=f"{RUN}/testCases/nothing")
    ),
    "ListTestCases": lambda m: m.results.list_test_cases(results_service_pb2.ListTestCasesRequest(parent=RUN)),
    "ListActions": lambda m: m.results.list_actions(results_service_pb2.ListActionsRequest(parent=RUN)),
    "ReadLog": lambda m: last(m.results.read_log(results_service_pb2.ReadLogRequest(name=RUN))),
    "ExportRun": lambda m: last(m.results.export_run(results_service_pb2.ExportRunRequest(name=RUN, format=1))),
    "Work": lambda m: last(
        m.workers.work(
            stream_of(
                [
                    worker_service_pb2.WorkRequest(
                        hello=worker_service_pb2.WorkerHello(worker_id="worker-1", slot_count=1)
                    )
                ]
            )
        )
    ),
}


def test_every_rpc_is_called_here():
    services = (
        execution_service_pb2.DESCRIPTOR,
        artifact_service_pb2.DESCRIPTOR,
        results_service_pb2.DESCRIPTOR,
        worker_service_pb2.DESCRIPTOR,
    )
    methods = {method for file in services for one in file.services_by_name.values() for method in one.methods_by_name}

    assert methods == set(CALLS)


@pytest.mark.parametrize(("token", "reason"), [(None, "TOKEN_MISSING"), ("wrong", "TOKEN_INVALID")])
async def test_every_call_needs_a_token_that_is_known(running, token, reason):
    async with Maestro(running.address, token=token) as stranger:
        for call in CALLS.values():
            with pytest.raises(errors.Unauthenticated) as caught:
                await call(stranger)
            assert caught.value.reason == reason
