"""A suite that nobody here wrote gives, test by test, the outcomes of plain pytest in the same environment."""

import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import results_service_pb2, run_pb2
from maestro_client import Maestro

from tests.e2e.conftest import PlatformProcess

CLICK = "8.5.1"
OUTCOMES = {
    test_result_pb2.OUTCOME_PASS: "passed",
    test_result_pb2.OUTCOME_XPASS: "passed",
    test_result_pb2.OUTCOME_FAIL: "failed",
    test_result_pb2.OUTCOME_ERROR: "error",
    test_result_pb2.OUTCOME_SKIP: "skipped",
    test_result_pb2.OUTCOME_XFAIL: "skipped",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with click and pytest, and nothing else that pytest would load."""
    folder = tmp_path_factory.mktemp("environment")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "pytest", f"click=={CLICK}"], check=True)
    return python


@pytest.fixture(scope="module")
def click_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution of click, tests included."""
    folder = tmp_path_factory.mktemp("source")
    options = ["--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "download", *options, f"click=={CLICK}"], check=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"click-{CLICK}"


def plain_outcomes(python: Path, project: Path, report: Path) -> dict[str, str]:
    """What plain pytest says, by class and name."""
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    subprocess.run(command, cwd=project, check=False, stdout=subprocess.DEVNULL)
    found = {}
    for case in ET.parse(report).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        outcome = next(
            (word for tag, word in (("failure", "failed"), ("error", "error"), ("skipped", "skipped")) if tag in kinds),
            "passed",
        )
        found[f"{case.get('classname')}::{case.get('name')}"] = outcome
    return found


async def maestro_outcomes(platform: PlatformProcess, python: Path, project: Path) -> dict[str, str]:
    """What a run of ours says, by class and name as pytest's report writes them."""
    found = {}
    async with Maestro(platform.address, token=platform.token) as maestro:
        wanted = run_pb2.Run(spec=run_pb2.RunSpec(python=str(python), pytest=run_pb2.PytestPlan()))
        run = await maestro.wait_run((await maestro.run_tree("projects/default", project, wanted)).name)
        token = ""
        while True:
            request = results_service_pb2.ListTestCasesRequest(parent=run.name, page_size=1000, page_token=token)
            page = await maestro.results.list_test_cases(request)
            for case in page.test_cases:
                path, _, rest = case.test_id.partition("::")
                scopes, bracket, parameters = rest.partition("[")
                *classes, name = scopes.split("::")
                module = path.removesuffix(".py").replace("/", ".")
                found[f"{'.'.join([module, *classes])}::{name}{bracket}{parameters}"] = OUTCOMES[case.outcome]
            token = page.next_page_token
            if not token:
                return found


async def test_click_gives_the_outcomes_of_plain_pytest(
    platform: PlatformProcess, environment: Path, click_source: Path, tmp_path: Path
) -> None:
    ours = await maestro_outcomes(platform, environment, click_source)
    plain = plain_outcomes(environment, click_source, tmp_path / "plain.xml")
    assert len(plain) > 2000
    different = {
        name: (plain.get(name), ours.get(name))
        for name in plain.keys() | ours.keys()
        if plain.get(name) != ours.get(name)
    }
    assert not different
