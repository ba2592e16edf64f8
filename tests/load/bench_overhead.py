"""What a run on a running platform costs over plain pytest: on one test, and on click's suite with one worker."""

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from maestro.execution.v1 import run_pb2
from maestro_client import Maestro

from tests.e2e.conftest import PlatformProcess, platform_process
from tests.e2e.foreign import Suite, fetch
from tests.load.figures import Figure

_ROUNDS = 5
_SUITE_ROUNDS = 3


def _plain(suite: Suite) -> float:
    began = time.perf_counter()
    command = [suite.python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    subprocess.run(command, cwd=suite.folder, check=False, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


async def _ours(platform: PlatformProcess, suite: Suite) -> float:
    """The client's whole way, as `maestro run` goes it: connect, snapshot, upload what is new, run, wait."""
    wanted = run_pb2.Run(spec=run_pb2.RunSpec(python=str(suite.python), pytest=run_pb2.PytestPlan()))
    began = time.perf_counter()
    async with Maestro(platform.address, token=platform.token) as maestro:
        await maestro.wait_run((await maestro.run_tree("projects/default", suite.folder, wanted)).name)
    return time.perf_counter() - began


async def _pairs(platform: PlatformProcess, suite: Suite, rounds: int) -> list[tuple[float, float]]:
    await _ours(platform, suite)
    return [(_plain(suite), await _ours(platform, suite)) for _ in range(rounds)]


def _median(pairs: list[tuple[float, float]], of: Callable[[float, float], float]) -> float:
    return statistics.median(of(plain, ours) for plain, ours in pairs)


async def run() -> list[Figure]:
    """Alternates plain and platform rounds after one that fills the caches."""
    with tempfile.TemporaryDirectory() as scratch:
        click = fetch("click==8.5.1", into=Path(scratch))
        small = Suite(Path(scratch, "small"), click.python)
        small.folder.mkdir()
        (small.folder / "test_one.py").write_text("def test_one():\n    assert True\n")
        with platform_process(Path(scratch, "state")) as platform:
            one = await _pairs(platform, small, _ROUNDS)
            suite = await _pairs(platform, click, _SUITE_ROUNDS)
    more = _median(one, lambda plain, ours: ours - plain)
    ratio = _median(suite, lambda plain, ours: ours / plain)
    return [
        Figure("run of one test over plain pytest", more, "s", "<=", 0.5, f"plain {_median(one, min):.2f} s"),
        Figure("click's suite : plain pytest, one worker", ratio, "x", "<=", 1.1, f"plain {_median(suite, min):.1f} s"),
    ]
