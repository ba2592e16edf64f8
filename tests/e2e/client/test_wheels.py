"""A stranger's project, type-checked and run against the built wheels alone."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DISTRIBUTIONS = ("gen", "clients/python")

FOREIGN = '''
"""What a user of the client writes."""

import asyncio

from maestro.execution.v1 import execution_service_pb2, run_pb2
from maestro_client import Maestro, MaestroError, PlatformNotFound, Tls, connect
from maestro_client.errors import NotFound
from maestro_client.paging import pages
from maestro_client.tree import Tree, digest_of, take_snapshot
from maestro_client.watch import resume


async def names(maestro: Maestro) -> list[str]:
    request = execution_service_pb2.ListRunsRequest(parent="projects/local")
    return [run.name async for page in pages(maestro.execution.list_runs, request) for run in page.runs]


async def follow(maestro: Maestro, run: run_pb2.Run) -> int:
    events = 0
    async for event in resume(maestro.execution.watch_run, execution_service_pb2.WatchRunRequest(name=run.name)):
        events += len(event.test_cases)
    return events


async def main() -> None:
    tree: Tree = take_snapshot(".").tree.with_file("a.py", digest_of(b""))
    print(len(tree.files))
    try:
        async with connect(tls=Tls()) as maestro:
            print(await names(maestro), await follow(maestro, await maestro.find_run("projects/local", "latest")))
    except NotFound as error:
        print(error.reason)
    except (MaestroError, PlatformNotFound) as error:
        print(type(error).__name__)


if __name__ == "__main__":
    asyncio.run(main())
'''

WRONG = """
from maestro.execution.v1 import execution_service_pb2
from maestro_client import Maestro


async def wrong(maestro: Maestro) -> str:
    return (await maestro.execution.get_run(execution_service_pb2.ListRunsRequest())).run
"""


# It stands beside the interpreter that runs the tests, which need not be on the path.
UV = Path(sys.executable).with_name("uv")


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh virtual environment that has the wheels and mypy."""
    folder = tmp_path_factory.mktemp("foreign")
    wheels = folder / "wheels"
    for distribution in DISTRIBUTIONS:
        built = run(UV, "build", "--wheel", "--no-sources", "--out-dir", wheels, ROOT / distribution, cwd=folder)
        assert built.returncode == 0, built.stderr
    interpreter = folder / "venv" / "bin" / "python"
    assert run(UV, "venv", "--python", sys.executable, folder / "venv", cwd=folder).returncode == 0
    installed = run(
        *(UV, "pip", "install", "--python", interpreter, "mypy", "types-grpcio", "types-protobuf"),
        *sorted(wheels.glob("*.whl")),
        cwd=folder,
    )
    assert installed.returncode == 0, installed.stderr
    return interpreter


def test_a_foreign_project_type_checks_against_the_wheels(python: Path, tmp_path: Path) -> None:
    (tmp_path / "foreign.py").write_text(FOREIGN)
    checked = run(python, "-m", "mypy", "--strict", "foreign.py", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout


def test_wrong_use_is_a_type_error(python: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG)
    checked = run(python, "-m", "mypy", "--strict", "wrong.py", cwd=tmp_path)
    assert checked.returncode == 1
    assert "ListRunsRequest" in checked.stdout
    assert 'expected "str"' in checked.stdout


def test_a_foreign_project_runs_with_the_wheels_alone(python: Path, tmp_path: Path) -> None:
    (tmp_path / "foreign.py").write_text(FOREIGN)
    started = run("env", f"XDG_STATE_HOME={tmp_path}", python, "-W", "error", "foreign.py", cwd=tmp_path)
    assert started.returncode == 0, started.stderr
    assert started.stdout.splitlines() == ["2", "PlatformNotFound"]
