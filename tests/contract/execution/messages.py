"""Messages that the tests of the execution service send."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from google.protobuf.duration_pb2 import Duration
from maestro.common.v1 import digest_pb2, test_result_pb2
from maestro.execution.v1 import (
    artifact_pb2,
    artifact_service_pb2,
    execution_service_pb2,
    run_pb2,
    worker_service_pb2,
)

PROJECT = "projects/demo"


def digest_of(data: bytes) -> digest_pb2.Digest:
    return digest_pb2.Digest(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def upload_messages(*blobs: bytes, parent: str = PROJECT) -> Sequence[artifact_service_pb2.UploadBlobsRequest]:
    return [artifact_service_pb2.UploadBlobsRequest(parent=parent, digest=digest_of(blob), data=blob) for blob in blobs]


async def stream_of(messages: Sequence[Any]) -> AsyncIterator[Any]:
    for message in messages:
        yield message


def tree_blobs() -> tuple[digest_pb2.Digest, list[bytes]]:
    """A small valid tree."""
    test = b"def test_it(): pass\n"
    tests = artifact_pb2.Directory(files=[artifact_pb2.FileNode(name="test_it.py", digest=digest_of(test))])
    root = artifact_pb2.Directory(
        directories=[artifact_pb2.DirectoryNode(name="tests", digest=digest_of(tests.SerializeToString()))],
        symlinks=[artifact_pb2.SymlinkNode(name="latest", target="tests/test_it.py")],
    )
    encoded = root.SerializeToString()
    return digest_of(encoded), [test, tests.SerializeToString(), encoded]


def run_request(root: digest_pb2.Digest, **fields: Any) -> execution_service_pb2.CreateRunRequest:
    spec = run_pb2.RunSpec(input_root=root, pytest=run_pb2.PytestPlan())
    run = run_pb2.Run(spec=spec, display_name=fields.pop("display_name", "demo"), labels=fields.pop("labels", None))
    return execution_service_pb2.CreateRunRequest(parent=fields.pop("parent", PROJECT), run=run, **fields)


def event(**kind: Any) -> worker_service_pb2.ActionEvent:
    made = worker_service_pb2.ActionEvent(**kind)
    made.event_time.FromSeconds(1_790_000_000)
    return made


def described(test_id: str) -> worker_service_pb2.CollectedTest:
    file, _, name = test_id.partition("::")
    return worker_service_pb2.CollectedTest(
        test_id=test_id, suite_path=[file], case_name=name or file, file=file, line=1
    )


def collected(*test_ids: str) -> worker_service_pb2.ActionEvent:
    tests = [described(test_id) for test_id in test_ids]
    return event(tests_collected=worker_service_pb2.TestsCollected(tests=tests))


def started(test_id: str) -> worker_service_pb2.ActionEvent:
    return event(test_started=worker_service_pb2.TestStarted(test_id=test_id))


def finished(test_id: str, outcome: str = "PASS", **fields: Any) -> worker_service_pb2.ActionEvent:
    return event(
        test_finished=worker_service_pb2.TestFinished(
            test=worker_service_pb2.CollectedTest(test_id=test_id),
            disposition=test_result_pb2.DISPOSITION_COMPLETED,
            outcome=test_result_pb2.Outcome.Value(f"OUTCOME_{outcome}"),
            duration=Duration(nanos=1_500_000),
            **fields,
        )
    )


def printed(data: bytes, test_id: str = "", stream: int = 1) -> worker_service_pb2.ActionEvent:
    return event(output_written=worker_service_pb2.OutputWritten(stream=stream, data=data, test_id=test_id))


def ended(verdict: str = "PASSED", **fields: Any) -> worker_service_pb2.ActionEvent:
    finish = worker_service_pb2.ActionFinished(
        verdict=test_result_pb2.Verdict.Value(f"VERDICT_{verdict}"), exit_code=0, **fields
    )
    return event(action_finished=finish)
