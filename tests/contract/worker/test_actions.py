"""Whole actions: from an assignment to the last event."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import artifact_service_pb2, run_pb2, worker_service_pb2
from maestro_client.tree import upload_tree
from maestro_services.worker.action import Action, Workshop
from maestro_services.worker.adapters.command import CommandAdapter
from maestro_services.worker.adapters.pytest import PytestAdapter
from maestro_services.worker.blobs import BlobCache
from maestro_services.worker.sandbox.sandbox import Sandbox

from tests.contract.worker.fake_server import FakeArtifacts


class Done:
    def __init__(self) -> None:
        self.events: list[worker_service_pb2.ActionEvent] = []

    async def emit(self, *events: worker_service_pb2.ActionEvent) -> None:
        self.events += events

    @property
    def last(self) -> worker_service_pb2.ActionFinished:
        assert self.events[-1].HasField("action_finished")
        return self.events[-1].action_finished

    @property
    def ended(self) -> tuple[str, str]:
        verdict, cause = test_result_pb2.Verdict.Name(self.last.verdict), test_result_pb2.Cause.Name(self.last.cause)
        return verdict.removeprefix("VERDICT_"), cause.removeprefix("CAUSE_")


@pytest.fixture
def artifacts() -> FakeArtifacts:
    return FakeArtifacts()


@pytest.fixture
def perform(tmp_path: Path, artifacts: FakeArtifacts) -> Any:
    async def run(files: dict[str, str], spec: run_pb2.RunSpec, **fields: Any) -> Done:
        source, actions = tmp_path / "source", tmp_path / "actions"
        for name, text in files.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(text)
        if files:
            spec.input_root.CopyFrom(await upload_tree(artifacts, "projects/p", source))
        blobs = BlobCache(tmp_path / "blobs", artifacts, 1 << 20)
        blobs.open()
        actions.mkdir(exist_ok=True)
        adapters = {"pytest": PytestAdapter(), "command": CommandAdapter(), **fields.pop("adapters", {})}
        workshop = Workshop(actions, Sandbox(hidden=[tmp_path / "actions"]), blobs, artifacts, adapters)
        assignment = worker_service_pb2.Assignment(lease="l", action="projects/p/runs/r/actions/a", spec=spec, **fields)
        done = Done()
        await Action(workshop, assignment, done).run()
        assert list(actions.iterdir()) == []
        return done

    return run


def command(*arguments: str, **fields: Any) -> run_pb2.RunSpec:
    return run_pb2.RunSpec(command=run_pb2.CommandPlan(arguments=arguments), **fields)


async def test_a_command_runs_in_its_directory_and_its_files_are_kept(perform: Any, artifacts: FakeArtifacts) -> None:
    spec = command("sh", "-c", "cat in.txt > out.txt; ln -s /etc/passwd link.txt", working_directory="sub")
    spec.output_paths.append("*.txt")
    done = await perform({"sub/in.txt": "content"}, spec)
    assert done.ended == ("PASSED", "UNSPECIFIED")
    kept = {file.path: artifacts.blobs[file.digest.sha256] for file in done.last.output_files}
    assert kept == {"in.txt": b"content", "out.txt": b"content"}
    assert {metric.name for metric in done.last.metrics} == {"cpu_seconds", "max_rss_bytes", "wall_seconds"}
    assert done.last.exit_code == 0


@pytest.mark.parametrize("directory", ["missing", "../..", "/etc", "file"])
async def test_a_working_directory_outside_the_tree_is_refused(perform: Any, directory: str) -> None:
    done = await perform({"file": ""}, command("true", working_directory=directory))
    assert done.ended == ("INVALID", "INPUT_ERROR")
    assert directory in done.last.status_message


async def test_a_working_directory_that_a_link_leads_out_of_the_tree_is_refused(
    perform: Any, artifacts: FakeArtifacts
) -> None:
    done = await perform({"file": ""}, command("true", working_directory="file/../../../home"))
    assert done.ended == ("INVALID", "INPUT_ERROR")


async def test_a_tree_that_is_none_is_refused(perform: Any, artifacts: FakeArtifacts) -> None:
    done = await perform({}, command("true", input_root=artifacts.add(b"\xff\xff")))
    assert done.ended == ("INVALID", "INPUT_ERROR")


async def test_tests_with_a_result_do_not_run_again(perform: Any, artifacts: FakeArtifacts) -> None:
    completed = artifacts.add(json.dumps(["test_a.py::test_1"]).encode())
    files = {"test_a.py": "def test_1(): assert 0\ndef test_2(): pass\n"}
    spec = run_pb2.RunSpec(pytest=run_pb2.PytestPlan(), environment={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    done = await perform(files, spec, completed_tests=completed, attempt_number=2)
    assert done.ended == ("PASSED", "UNSPECIFIED")
    assert [event.test_finished.test.test_id for event in done.events if event.HasField("test_finished")] == [
        "test_a.py::test_2"
    ]


async def test_an_adapter_that_breaks_is_the_platforms_failure(perform: Any) -> None:
    class Broken:
        async def run(self, stage: Any) -> Any:
            raise KeyError("secret detail")

    done = await perform({"file": ""}, command("true"), adapters={"command": Broken()})
    assert done.ended == ("INFRA_FAILED", "INTERNAL")
    assert "secret" not in done.last.status_message


async def test_the_time_limit_holds_while_files_are_loaded(perform: Any, artifacts: FakeArtifacts) -> None:
    async def stuck(request: artifact_service_pb2.DownloadBlobRequest) -> Any:
        await asyncio.sleep(60)
        yield

    artifacts.download_blob = stuck  # type: ignore[method-assign]
    spec = command("true")
    spec.limits.run_timeout.FromMilliseconds(200)
    done = await perform({"file": ""}, spec)
    assert done.ended == ("TIMED_OUT", "DEADLINE")
