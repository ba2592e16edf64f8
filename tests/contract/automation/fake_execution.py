"""Execution as a test scripts it: runs end at once, as the script for their purpose says."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from maestro.common.v1 import digest_pb2, test_result_pb2
from maestro.execution.v1 import (
    artifact_pb2,
    artifact_service_pb2,
    artifact_service_pb2_grpc,
    execution_service_pb2,
    execution_service_pb2_grpc,
    results_service_pb2,
    results_service_pb2_grpc,
    run_pb2,
    test_case_pb2,
)
from maestro_client.tree import FileEntry, Tree, digest_of
from maestro_services.runtime.errors import Reason, ServiceError, not_found, wrong_state
from maestro_services.runtime.service import Endpoint, Platform, Service

PARENT = "projects/local"
PURPOSE = "maestro.dev/purpose"
Context = grpc.aio.ServicerContext[Any, Any]
Outcomes = dict[str, str]


@dataclass
class Script:
    """How a run ends: outcomes by test id, the run's verdict, and its output files."""

    outcomes: Outcomes = field(default_factory=dict)
    verdict: str = ""
    cause: str = ""
    test_cause: str = "ASSERTION"
    phase: str = "call"
    files: dict[str, bytes] = field(default_factory=dict)
    hangs: bool = False

    def decided(self) -> str:
        failed = {"FAIL", "ERROR"} & set(self.outcomes.values())
        return self.verdict or ("FAILED" if failed else "PASSED")


class FakeExecution(
    execution_service_pb2_grpc.ExecutionServiceServicer,
    results_service_pb2_grpc.ResultsServiceServicer,
    artifact_service_pb2_grpc.ArtifactServiceServicer,
):
    """In memory; `scripts` by purpose, `runs` by name in the order of their creation."""

    def __init__(self) -> None:
        self.scripts: dict[str, Callable[[run_pb2.Run], Script]] = {}
        self.runs: dict[str, run_pb2.Run] = {}
        self.requests: dict[str, str] = {}
        self.cases: dict[str, list[test_case_pb2.TestCase]] = {}
        self.blobs: dict[str, bytes] = {}
        self.changes: list[run_pb2.Run] = []
        self.changed = asyncio.Event()
        self.expired_before = 0
        self.unavailable = 0
        self.cancelled: list[str] = []
        self.cancellation = asyncio.Event()

    def add(self, script: Script, root: digest_pb2.Digest, **labels: str) -> run_pb2.Run:
        """A run that somebody else made, ended as scripted."""
        spec = run_pb2.RunSpec(input_root=root, pytest=run_pb2.PytestPlan())
        return self.finish(self._new(run_pb2.Run(spec=spec, display_name="a run", labels=labels)), script)

    def put_tree(self, files: dict[str, str]) -> digest_pb2.Digest:
        contents = {path: text.encode() for path, text in files.items()}
        entries = {path: FileEntry(digest_of(data).sha256, len(data)) for path, data in contents.items()}
        encoded = Tree(entries).encode()
        self.blobs |= {digest_of(data).sha256: data for data in contents.values()} | dict(encoded.directories)
        return encoded.root

    def of(self, purpose: str) -> list[run_pb2.Run]:
        return [run for run in self.runs.values() if run.labels.get(PURPOSE) == purpose]

    def _new(self, run: run_pb2.Run) -> run_pb2.Run:
        run.name = f"{PARENT}/runs/r{len(self.runs) + 1}"
        run.state = run_pb2.Run.STATE_QUEUED
        self.runs[run.name] = run
        return run

    def finish(self, run: run_pb2.Run, script: Script) -> run_pb2.Run:
        self.cases[run.name] = [_case(run.name, one, outcome, script) for one, outcome in script.outcomes.items()]
        run.verdict = test_result_pb2.Verdict.Value(f"VERDICT_{script.decided()}")
        run.cause = test_result_pb2.Cause.Value(f"CAUSE_{script.cause or 'UNSPECIFIED'}")
        outcomes = list(script.outcomes.values())
        run.counts.total_count = run.counts.completed_count = len(outcomes)
        run.counts.pass_count = outcomes.count("PASS")
        run.counts.fail_count = outcomes.count("FAIL")
        run.counts.skip_count = outcomes.count("SKIP")
        for path, data in script.files.items():
            self.blobs[digest_of(data).sha256] = data
            run.output_files.add(path=path, digest=digest_of(data))
        if not script.hangs:
            run.state = run_pb2.Run.STATE_FINALIZED
            run.end_time.GetCurrentTime()
        change = run_pb2.Run()
        change.CopyFrom(run)
        self.changes.append(change)
        self.changed.set()
        self.changed = asyncio.Event()
        return run

    async def CreateRun(self, request: Any, context: Context) -> execution_service_pb2.CreateRunResponse:
        if self.unavailable > 0:
            self.unavailable -= 1
            raise ServiceError(Reason.STORAGE_UNAVAILABLE, "the disk is full")
        arguments = request.run.spec.SerializeToString(deterministic=True).hex()
        known = next((name for name, one in self.requests.items() if one.startswith(request.request_id)), None)
        if known is not None:
            if self.requests[known] != request.request_id + arguments:
                raise ServiceError(Reason.REQUEST_ID_REUSED, "other arguments", request_id=request.request_id)
            return execution_service_pb2.CreateRunResponse(run=self.runs[known])
        run = run_pb2.Run()
        run.CopyFrom(request.run)
        self.requests[self._new(run).name] = request.request_id + arguments
        self.finish(run, self.scripts[run.labels[PURPOSE]](run))
        return execution_service_pb2.CreateRunResponse(run=run)

    async def GetRun(self, request: Any, context: Context) -> execution_service_pb2.GetRunResponse:
        if request.name not in self.runs:
            raise not_found(request.name)
        return execution_service_pb2.GetRunResponse(run=self.runs[request.name])

    async def ListRuns(self, request: Any, context: Context) -> execution_service_pb2.ListRunsResponse:
        return execution_service_pb2.ListRunsResponse(runs=reversed(list(self.runs.values())))

    async def CancelRun(self, request: Any, context: Context) -> execution_service_pb2.CancelRunResponse:
        run = self.runs[request.name]
        if run.state == run_pb2.Run.STATE_FINALIZED:
            raise wrong_state(run.name, "FINALIZED", "cancel")
        run.state = run_pb2.Run.STATE_FINALIZED
        self.cancelled.append(run.name)
        self.cancellation.set()
        return execution_service_pb2.CancelRunResponse(run=run)

    async def WatchRuns(self, request: Any, context: Context) -> AsyncIterator[Any]:
        position = int(request.resume_token) if request.resume_token else len(self.changes)
        if position < self.expired_before:
            raise ServiceError(Reason.RESUME_TOKEN_EXPIRED, "list again")
        while True:
            changed = self.changed
            for run in self.changes[position:]:
                position += 1
                yield execution_service_pb2.WatchRunsResponse(run=run, resume_token=str(position))
            await changed.wait()

    async def WatchRun(self, request: Any, context: Context) -> AsyncIterator[Any]:
        raise NotImplementedError
        yield

    async def ListTestCases(self, request: Any, context: Context) -> results_service_pb2.ListTestCasesResponse:
        cases = self.cases[request.parent]
        if request.filter:
            cases = [case for case in cases if case.outcome in (2, 3)]
        return results_service_pb2.ListTestCasesResponse(test_cases=cases)

    async def GetTestCase(self, request: Any, context: Context) -> Any:
        raise NotImplementedError

    async def ListActions(self, request: Any, context: Context) -> Any:
        raise NotImplementedError

    async def ReadLog(self, request: Any, context: Context) -> AsyncIterator[Any]:
        raise NotImplementedError
        yield

    async def ExportRun(self, request: Any, context: Context) -> AsyncIterator[Any]:
        raise NotImplementedError
        yield

    async def FindMissingBlobs(self, request: Any, context: Context) -> Any:
        missing = [digest for digest in request.digests if digest.sha256 not in self.blobs]
        return artifact_service_pb2.FindMissingBlobsResponse(missing_digests=missing)

    async def UploadBlobs(self, requests: Any, context: Context) -> Any:
        current = ""
        async for request in requests:
            if request.HasField("digest"):
                current = request.digest.sha256
                self.blobs[current] = b""
            self.blobs[current] += request.data
        return artifact_service_pb2.UploadBlobsResponse()

    async def DownloadBlob(self, request: Any, context: Context) -> AsyncIterator[Any]:
        if request.digest.sha256 not in self.blobs:
            raise not_found(request.digest.sha256)
        yield artifact_service_pb2.DownloadBlobResponse(data=self.blobs[request.digest.sha256])

    def files(self, run: run_pb2.Run) -> dict[str, bytes]:
        """The files in a run's tree."""
        found: dict[str, bytes] = {}
        waiting = [("", run.spec.input_root.sha256)]
        while waiting:
            path, sha256 = waiting.pop()
            directory = artifact_pb2.Directory.FromString(self.blobs[sha256])
            found |= {path + node.name: self.blobs[node.digest.sha256] for node in directory.files}
            waiting += [(f"{path}{node.name}/", node.digest.sha256) for node in directory.directories]
        return found

    async def compose(self, platform: Platform) -> Service:
        """Hosts the fake as the execution service."""
        adders = (
            execution_service_pb2_grpc.add_ExecutionServiceServicer_to_server,
            results_service_pb2_grpc.add_ResultsServiceServicer_to_server,
            artifact_service_pb2_grpc.add_ArtifactServiceServicer_to_server,
        )
        faces = (_Face(self, one) for one in FakeExecution.__bases__)
        return Service("execution", [Endpoint(face.servicer, add) for face, add in zip(faces, adders, strict=True)])


class _Face:
    """One of the three services of a fake, as the server registers it."""

    def __init__(self, fake: FakeExecution, generated: type) -> None:
        methods = {name: getattr(fake, name) for name in vars(generated) if name[0].isupper()}
        self.servicer = type("Face", (generated,), {name: staticmethod(one) for name, one in methods.items()})()


def _case(run: str, test_id: str, outcome: str, script: Script) -> test_case_pb2.TestCase:
    case = test_case_pb2.TestCase(
        name=f"{run}/testCases/{abs(hash(test_id))}",
        test_id=test_id,
        outcome=test_result_pb2.Outcome.Value(f"OUTCOME_{outcome}"),
        disposition=test_result_pb2.DISPOSITION_COMPLETED,
    )
    if outcome in ("FAIL", "ERROR"):
        case.cause = test_result_pb2.Cause.Value(f"CAUSE_{script.test_cause}")
        case.failures.add(
            message=f"{test_id} is wrong", exception_type="AssertionError", phase=script.phase, cause=case.cause
        )
    return case


def search_result(*edits: dict[str, Any], stop: str = "enough", **values: Any) -> dict[str, bytes]:
    """The output files of a search that found these edits."""
    result = {
        "stop": stop,
        "message": "",
        "failing_count": 1,
        "passing_count": 2,
        "generated_count": 40,
        "tried_count": 30,
        "baseline_seconds": 0.2,
        "search_seconds": 1.0,
        "lines": [{"path": "shop.py", "line": 2, "function": "total", "score": 1.0}],
        "candidates": list(edits),
    }
    return {".maestro/result.json": json.dumps(result | values).encode()}
