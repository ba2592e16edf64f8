"""Result events from a worker's stream to committed rows, against a bare executemany of the same rows."""

import asyncio
import hashlib
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from maestro.common.v1 import digest_pb2, test_result_pb2
from maestro.execution.v1 import (
    artifact_pb2,
    artifact_service_pb2,
    execution_service_pb2,
    run_pb2,
    worker_service_pb2,
)
from maestro_client import Maestro
from maestro_services.execution.compose import compose
from maestro_services.runtime.server import Running, Server
from maestro_services.runtime.server_settings import ServerSettings

from tests.load.figures import Figure

_TESTS = 100_000
_BATCH = 1000
_WINDOW = 10
_PARENT = "projects/bench"


async def run() -> list[Figure]:
    """One worker's stream of finished tests, all acknowledged, and the baseline in the same run."""
    with tempfile.TemporaryDirectory() as folder:
        settings = ServerSettings(state_directory=folder)
        async with Server([compose], settings).running() as running:
            rate = await _ingest(running)
        committed = _rows(Path(folder) / "execution.db")
        assert len(committed) == _TESTS, f"{len(committed)} rows for {_TESTS} events"
        bare = _bare(Path(folder) / "bare.db", committed)
    note = f"{rate / bare:.2f} of a bare executemany of the same rows ({bare:,.0f}/s)"
    return [Figure("result events, stream to committed rows", rate, "events/s", ">=", 50_000, note)]


def _batch(start: int) -> list[worker_service_pb2.ActionEvent]:
    return [_event(number) for number in range(start, start + _BATCH)]


def _event(number: int) -> worker_service_pb2.ActionEvent:
    file, name, parameters = f"tests/test_module_{number // 500}.py", f"test_case_{number // 10}", str(number % 10)
    time_of_event = Timestamp(seconds=1_790_000_000 + number)
    finished = worker_service_pb2.TestFinished(
        test=worker_service_pb2.CollectedTest(
            test_id=f"{file}::{name}[{parameters}]",
            suite_path=[file],
            case_name=name,
            parameters=parameters,
            file=file,
            line=number % 500 + 1,
        ),
        disposition=test_result_pb2.DISPOSITION_COMPLETED,
        outcome=test_result_pb2.OUTCOME_PASS,
        start_time=time_of_event,
        duration=Duration(nanos=1_000_000),
        order_index=number + 1,
    )
    return worker_service_pb2.ActionEvent(event_time=time_of_event, test_finished=finished)


async def _ingest(running: Running) -> float:
    """The rate of a worker in a process of its own, as workers are."""
    async with Maestro(running.address, token=running.token) as maestro:
        await _create_run(maestro)
    command = (sys.executable, "-m", "tests.load.bench_ingest", running.address, running.token)
    worker = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    output, _ = await worker.communicate()
    return float(output)


async def _work(address: str, token: str) -> float:
    batches = [_batch(start) for start in range(0, _TESTS, _BATCH)]
    async with Maestro(address, token=token) as maestro:
        requests: asyncio.Queue[worker_service_pb2.WorkRequest] = asyncio.Queue()
        hello = worker_service_pb2.WorkerHello(worker_id="bench", slot_count=1)
        requests.put_nowait(worker_service_pb2.WorkRequest(hello=hello))
        responses = maestro.workers.work(_until_cancelled(requests))
        lease = ""
        while not lease:
            lease = (await anext(responses)).assignment.lease
        messages = [_request(lease, index, events) for index, events in enumerate(batches)]
        began = time.perf_counter()
        await _send(requests, responses, messages)
        return _TESTS / (time.perf_counter() - began)


async def _send(requests: Any, responses: Any, messages: list[worker_service_pb2.WorkRequest]) -> None:
    """Keeps a window of batches on their way, as a worker does, until all are acknowledged."""
    for message in messages[:_WINDOW]:
        requests.put_nowait(message)
    sent, done = _WINDOW, 0
    while done < _TESTS:
        done = (await anext(responses)).acknowledgement.sequence
        while sent < len(messages) and sent * _BATCH < done + _WINDOW * _BATCH:
            requests.put_nowait(messages[sent])
            sent += 1


def _request(lease: str, index: int, events: list[worker_service_pb2.ActionEvent]) -> worker_service_pb2.WorkRequest:
    batch = worker_service_pb2.EventBatch(lease=lease, first_sequence=index * _BATCH + 1, events=events)
    return worker_service_pb2.WorkRequest(events=batch)


async def _until_cancelled(requests: Any) -> AsyncIterator[worker_service_pb2.WorkRequest]:
    while True:
        yield await requests.get()


async def _create_run(maestro: Maestro) -> None:
    encoded = artifact_pb2.Directory().SerializeToString()
    root = digest_pb2.Digest(sha256=hashlib.sha256(encoded).hexdigest(), size_bytes=len(encoded))

    async def blobs() -> AsyncIterator[artifact_service_pb2.UploadBlobsRequest]:
        yield artifact_service_pb2.UploadBlobsRequest(parent=_PARENT, digest=root)

    await maestro.artifacts.upload_blobs(blobs())
    run = run_pb2.Run(spec=run_pb2.RunSpec(input_root=root, pytest=run_pb2.PytestPlan()))
    await maestro.execution.create_run(execution_service_pb2.CreateRunRequest(parent=_PARENT, run=run))


def _rows(path: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as database:
        return database.execute("SELECT * FROM test_cases ORDER BY run, position").fetchall()


def _bare(path: Path, rows: list[tuple[Any, ...]]) -> float:
    """The rate of the database alone: the same rows, table and indexes, in transactions of the same size."""
    with sqlite3.connect(path.with_name("execution.db")) as source:
        schema = source.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'test_cases' AND sql NOT NULL")
        statements = [statement for (statement,) in schema]
    database = sqlite3.connect(path, isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", *statements):
        database.execute(statement)
    insert = f"INSERT INTO test_cases VALUES ({','.join('?' * len(rows[0]))})"
    began = time.perf_counter()
    for start in range(0, len(rows), _BATCH):
        database.execute("BEGIN IMMEDIATE")
        database.executemany(insert, rows[start : start + _BATCH])
        database.execute("COMMIT")
    seconds = time.perf_counter() - began
    database.close()
    return len(rows) / seconds


if __name__ == "__main__":
    print(asyncio.run(_work(sys.argv[1], sys.argv[2])))
