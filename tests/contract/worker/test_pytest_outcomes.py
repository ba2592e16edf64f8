"""What the pytest adapter reports is what plain pytest reports."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import results_service_pb2, run_pb2

EVERY_KIND = {
    "test_kinds.py": """
import os, sys, unittest
import pytest

def test_pass(): print("hello")
def test_fail(): assert 1 == 2, "one is not two"
def test_exception(): {}["key"]
@pytest.mark.skip(reason="later")
def test_skip(): pass
def test_skip_inside(): pytest.skip("not now")
@pytest.mark.xfail(reason="known")
def test_xfail(): assert 0
@pytest.mark.xfail(reason="known")
def test_xpass(): pass
@pytest.mark.xfail(reason="known", strict=True)
def test_strict_xpass(): pass
@pytest.mark.xfail(run=False, reason="crashes")
def test_not_run(): os._exit(1)
@pytest.fixture
def broken(): raise RuntimeError("no setup")
@pytest.fixture
def leaking():
    yield
    raise RuntimeError("no teardown")
def test_setup_error(broken): pass
def test_teardown_error(leaking): pass
def test_both(leaking): assert 0, "call"
@pytest.mark.parametrize("value", [1, "a::b[c]", "ünï"])
class TestClass:
    def test_parameter(self, value): pass
@pytest.fixture(scope="module", params=[1, 2])
def number(request): return request.param
def test_number(number): assert number == 1
class TestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.number = 1
    def test_good(self): self.assertEqual(self.number, 1)
    def test_bad(self): self.assertEqual(self.number, 2)
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    @unittest.expectedFailure
    def test_unexpected(self): pass
    @unittest.skip("never")
    def test_skipped(self): pass
    def test_subs(self):
        for i in range(3):
            with self.subTest(i=i): self.assertEqual(i, 1)
class TestBrokenClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise ValueError("class")
    def test_never(self): pass
def test_subtests(subtests):
    for i in range(3):
        with subtests.test(i=i): assert i != 1
""",
    "test_skipped_module.py": "import pytest\npytest.skip('all of it', allow_module_level=True)\n",
    "pkg/__init__.py": "",
    "pkg/test_inside.py": "def test_inside(): pass\n",
}


def junit_outcomes(folder: Path, *arguments: str) -> dict[str, set[str]]:
    report = folder.parent / "junit.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *arguments]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    subprocess.run(command, cwd=folder, capture_output=True, check=False, env=environment)
    found: dict[str, set[str]] = {}
    for case in ET.parse(report).getroot().iter("testcase"):
        kinds = found.setdefault(f"{case.get('classname')}::{case.get('name')}", set())
        kinds |= {"xfail" if child.get("type") == "pytest.xfail" else child.tag for child in case}
    return {name: kinds & {"failure", "error", "skipped", "xfail"} for name, kinds in found.items()}


def as_junit(test_id: str) -> str:
    file, _, rest = test_id.partition("::")
    module = file.removesuffix(".py").replace("/", ".")
    if not rest:
        return f"::{module}"
    names, bracket, parameters = rest.partition("[")
    *classes, name = names.split("::")
    return f"{'.'.join([module, *classes])}::{name}{bracket}{parameters}"


JUNIT = {"PASS": set(), "XPASS": set(), "FAIL": {"failure"}, "SKIP": {"skipped"}, "XFAIL": {"xfail"}}


async def test_every_kind_of_outcome_is_that_of_plain_pytest(execute: Any) -> None:
    done = await execute(EVERY_KIND)
    plain = junit_outcomes(done.folder.tree)
    assert {as_junit(test_id) for test_id in done.outcomes} == set(plain)
    for test_id, outcome in done.outcomes.items():
        kinds = plain[as_junit(test_id)]
        assert "error" in kinds if outcome == "ERROR" else kinds == JUNIT[outcome], test_id
    assert (done.verdict, done.cause) == ("FAILED", "ASSERTION")


async def test_each_test_tells_where_it_stands_and_how_it_ended(execute: Any) -> None:
    done = await execute(EVERY_KIND)
    collected = {test.test_id: test for message in done.of("tests_collected") for test in message.tests}
    parameter = collected["test_kinds.py::TestClass::test_parameter[a::b[c]]"]
    assert list(parameter.suite_path) == ["test_kinds.py", "TestClass"]
    assert (parameter.case_name, parameter.parameters) == ("test_parameter", "a::b[c]")
    lines = EVERY_KIND["test_kinds.py"].splitlines()
    assert (parameter.file, lines[parameter.line - 1]) == ("test_kinds.py", "    def test_parameter(self, value): pass")
    failure = done.test("test_fail").failures[0]
    assert failure.message.startswith("one is not two")
    assert (failure.exception_type, failure.phase) == ("builtins.AssertionError", "call")
    assert "def test_fail" in lines[failure.line - 1]
    assert "one is not two" in failure.stack_trace
    assert [part.phase for part in done.test("test_both").failures] == ["call", "teardown"]
    assert done.test("test_exception").cause == test_result_pb2.CAUSE_EXCEPTION
    assert done.test("test_skip").reason == "later"
    assert done.test("test_not_run").reason == "[NOTRUN] crashes"
    ran = [test.order_index for test in done.finished]
    assert ran == sorted(ran)
    assert len(set(ran)) == len(ran)


async def test_what_a_test_prints_is_kept_byte_for_byte(execute: Any) -> None:
    text = (
        "import os, sys\n"
        "def test_prints():\n"
        "    os.write(1, bytes(range(256)) * 1024)\n"
        "    os.write(2, b'\\xff\\r\\nerr')\n"
        "def test_quiet(): pass\n"
        "def test_fails():\n"
        "    print('before')\n"
        "    assert 0\n"
    )
    done = await execute({"test_a.py": text})
    stdout, stderr = results_service_pb2.LOG_STREAM_STDOUT, results_service_pb2.LOG_STREAM_STDERR
    assert done.output("test_a.py::test_prints", stdout) == bytes(range(256)) * 1024
    assert done.output("test_a.py::test_prints", stderr) == b"\xff\r\nerr"
    assert done.test("test_fails").failures[0].stack_trace.startswith("    def test_fails():")
    assert done.output("test_a.py::test_quiet") == b""
    assert done.output("test_a.py::test_fails", stdout) == b"before\n"
    assert all(len(part.data) <= 65536 for part in done.of("output_written"))


@pytest.mark.parametrize("mode", ["no", "sys", "tee-sys"])
async def test_other_ways_of_capturing_lose_nothing(execute: Any, mode: str) -> None:
    plan = run_pb2.PytestPlan(arguments=[f"--capture={mode}"])
    done = await execute({"test_a.py": "def test_a(): print('said')\n"}, spec=run_pb2.RunSpec(pytest=plan))
    own = done.output("test_a.py::test_a")
    assert own == (b"" if mode == "no" else b"said\n")
    assert (b"said" in done.output()) is (mode != "sys")


async def test_chosen_tests_run_in_the_given_order(execute: Any) -> None:
    files = {
        "test_a.py": "import pytest\ndef test_1(): pass\n@pytest.mark.parametrize('x', [1, 2])\ndef test_2(x): pass\n",
        "sub/test_b.py": "class TestB:\n    def test_3(self): pass\n    def test_4(self): pass\n",
    }
    chosen = ["sub/test_b.py::TestB", "test_a.py::test_2", "test_a.py::test_1"]
    done = await execute(files, spec=run_pb2.RunSpec(pytest=run_pb2.PytestPlan(test_ids=chosen)))
    order = ["TestB::test_3", "TestB::test_4", "test_2[1]", "test_2[2]", "test_1"]
    assert [test_id.split("::", 1)[1] for test_id in done.outcomes] == order
    assert done.verdict == "PASSED"


async def test_completed_tests_do_not_run_again(execute: Any) -> None:
    files = {"test_a.py": "def test_1(): pass\ndef test_2(): pass\n"}
    done = await execute(files, completed=frozenset({"test_a.py::test_1"}))
    assert done.outcomes == {"test_a.py::test_2": "PASS"}
    assert [test.test_id for message in done.of("tests_collected") for test in message.tests] == ["test_a.py::test_2"]


async def test_the_tree_wins_over_an_installed_copy_and_stays_clean(execute: Any) -> None:
    files = {
        "src/click/__init__.py": "HERE = True\n",
        "test_a.py": "import click\ndef test_here(cache, request): assert click.HERE and cache.mkdir('x')\n",
    }
    done = await execute(files)
    assert done.verdict == "PASSED", done.output().decode()
    assert sorted(path.name for path in done.folder.tree.rglob("*")) == ["__init__.py", "click", "src", "test_a.py"]
