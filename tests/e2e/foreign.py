"""Suites of public packages, run by plain pytest and by a platform, compared test by test.

`python -m tests.e2e.foreign attrs==26.1.0 hypothesis cloudpickle` compares one and prints what it found.
"""

import asyncio
import subprocess
import sys
import tarfile
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import results_service_pb2, run_pb2
from maestro_client import Maestro

OUTCOMES = {
    test_result_pb2.OUTCOME_PASS: "passed",
    test_result_pb2.OUTCOME_XPASS: "passed",
    test_result_pb2.OUTCOME_FAIL: "failed",
    test_result_pb2.OUTCOME_ERROR: "error",
    test_result_pb2.OUTCOME_SKIP: "skipped",
    test_result_pb2.OUTCOME_XFAIL: "skipped",
}
_CHILDREN = (("failure", "failed"), ("error", "error"), ("skipped", "skipped"))


@dataclass(frozen=True)
class Suite:
    """An unpacked source distribution, and a Python that has what its tests need and nothing else."""

    folder: Path
    python: Path


def fetch(requirement: str, *others: str, into: Path) -> Suite:
    """Fetches a source distribution, and installs the package with pytest and other requirements."""
    uv = Path(sys.executable).with_name("uv")
    python = into / "environment" / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, into / "environment"], check=True)
    install = [uv, "pip", "install", "--quiet", "--python", python, "pytest", requirement, *others]
    subprocess.run(install, check=True)
    options = ["--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(into)]
    subprocess.run([sys.executable, "-m", "pip", "download", *options, requirement], check=True)
    with tarfile.open(next(into.glob("*.tar.gz"))) as archive:
        archive.extractall(into, filter="data")
    return Suite(next(path.parent for path in into.glob("*/PKG-INFO")), python)


def plain_outcomes(suite: Suite, report: Path) -> dict[str, str]:
    """What plain pytest says, by class and name."""
    command = [suite.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    subprocess.run(command, cwd=suite.folder, check=False, stdout=subprocess.DEVNULL)
    found = {}
    for case in ET.parse(report).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        outcome = next((word for tag, word in _CHILDREN if tag in kinds), "passed")
        found[f"{case.get('classname')}::{case.get('name')}"] = outcome
    return found


async def maestro_outcomes(maestro: Maestro, suite: Suite) -> dict[str, str]:
    """What a run on a platform says, by class and name as pytest's report writes them."""
    wanted = run_pb2.Run(spec=run_pb2.RunSpec(python=str(suite.python), pytest=run_pb2.PytestPlan()))
    run = await maestro.wait_run((await maestro.run_tree("projects/default", suite.folder, wanted)).name)
    found = {}
    request = results_service_pb2.ListTestCasesRequest(parent=run.name, page_size=1000)
    while True:
        page = await maestro.results.list_test_cases(request)
        found |= {_reported_name(case.test_id): OUTCOMES[case.outcome] for case in page.test_cases}
        request.page_token = page.next_page_token
        if not request.page_token:
            return found


def _reported_name(test_id: str) -> str:
    path, _, rest = test_id.partition("::")
    scopes, bracket, parameters = rest.partition("[")
    *classes, name = scopes.split("::")
    module = path.removesuffix(".py").replace("/", ".")
    return f"{'.'.join([module, *classes])}::{name}{bracket}{parameters}"


def differences(plain: dict[str, str], ours: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """The tests with different outcomes, as (plain pytest's, ours)."""
    return {
        name: (plain.get(name), ours.get(name))
        for name in plain.keys() | ours.keys()
        if plain.get(name) != ours.get(name)
    }


async def compare(suite: Suite, folder: Path) -> None:
    """Runs a suite both ways and prints counts, times and differences."""
    from tests.e2e.conftest import platform_process

    began = time.perf_counter()
    plain = plain_outcomes(suite, folder / "plain.xml")
    plain_seconds = time.perf_counter() - began
    with platform_process(folder / "state") as platform:
        async with Maestro(platform.address, token=platform.token) as maestro:
            began = time.perf_counter()
            ours = await maestro_outcomes(maestro, suite)
            seconds = time.perf_counter() - began
    counts = {word: sum(outcome == word for outcome in plain.values()) for word in ("passed", "failed", "skipped")}
    print(f"{suite.folder.name}: {len(plain)} tests {counts}; plain {plain_seconds:.1f} s, maestro {seconds:.1f} s")
    print(f"failed: {[name for name, outcome in ours.items() if outcome == 'failed']}")
    print(f"differences: {differences(plain, ours)}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(compare(fetch(*sys.argv[1:], into=Path(scratch)), Path(scratch)))
