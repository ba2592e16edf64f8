import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from junitparser import JUnitXml

from .conftest import Shell

PYTHON = ("--python", sys.executable)
FIX = ("return a - b", "return a + b")


def test_a_failing_run_shows_its_failures_and_ends_with_1(platform: Shell, project: Path) -> None:
    written = platform("run", project, *PYTHON, expected=1)
    assert "FAIL  test_calc.py::test_sum  test_calc.py:12" in written
    assert "assert -1 == 3" in written
    assert "failed  1 passed, 1 failed, 1 skipped, 1 xfailed" in written


def test_arguments_behind_the_dashes_go_to_pytest(platform: Shell, project: Path) -> None:
    assert "passed  1 passed" in platform("run", project, *PYTHON, "--", "-k", "zero")


def test_a_project_that_cannot_be_tested_ends_with_2(platform: Shell, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "invalid" in platform("run", tmp_path / "empty", *PYTHON, expected=2)


def test_a_run_for_programs_is_one_document(platform: Shell, project: Path) -> None:
    content = platform.json("run", project, *PYTHON, "--label", "branch=main", expected=1)
    assert content["run"]["verdict"] == "VERDICT_FAILED"
    assert content["run"]["labels"] == {"branch": "main"}
    assert [case["testId"] for case in content["failures"]] == ["test_calc.py::test_sum"]


def test_junit_xml_is_written(platform: Shell, project: Path, tmp_path: Path) -> None:
    platform("run", project, *PYTHON, "--junit", tmp_path / "junit.xml", expected=1)
    xml = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert (xml.tests, xml.failures, xml.skipped) == (4, 1, 2)


def test_a_command_runs_in_the_place_of_pytest(platform: Shell, project: Path) -> None:
    platform("run", project, *PYTHON, "--command", "--", "{python}", "-c", "print('hello')")
    assert platform("results", "latest", "--log") == "hello\n"


def test_results_have_traces_filters_and_logs(platform: Shell, project: Path) -> None:
    platform("run", project, *PYTHON, expected=1)
    assert "def test_sum" in platform("results")
    only = platform.json("results", "latest", "--failed")["testCases"]
    assert [case["testId"] for case in only] == ["test_calc.py::test_sum"]
    assert platform("results", "latest", "--test", "test_calc.py::test_zero", "--log") == "added\n"


def test_a_detached_run_is_followed_and_found_by_the_beginning_of_its_id(platform: Shell, project: Path) -> None:
    name = platform("run", project, *PYTHON, "--detach").strip()
    lines = platform("watch", name, "--output", "json", expected=1).splitlines()
    assert json.loads(lines[-1])["run"]["state"] == "STATE_FINALIZED"
    run = name.rpartition("/")[2]
    assert platform.json("results", run[:19])["testCases"]
    assert run in platform("runs", "--filter", "verdict = FAILED")


def test_an_interrupted_run_is_cancelled(platform: Shell, tmp_path: Path) -> None:
    (tmp_path / "test_slow.py").write_text("import time\ndef test_slow(): time.sleep(60)\n")
    running = platform.start("run", tmp_path, *PYTHON)
    while platform.json("runs", "--limit", "1")["runs"][0]["state"] != "STATE_RUNNING":
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    written, _ = running.communicate(timeout=30)
    assert running.returncode == 2
    assert "cancelling the run" in written
    assert platform.json("runs", "--limit", "1")["runs"][0]["verdict"] == "VERDICT_CANCELLED"


def test_a_run_is_cancelled_from_elsewhere(platform: Shell, tmp_path: Path) -> None:
    (tmp_path / "test_slow.py").write_text("import time\ndef test_slow(): time.sleep(60)\n")
    name = platform("run", tmp_path, *PYTHON, "--detach").strip()
    platform("cancel", name, "--reason", "enough")
    platform("watch", name, expected=2)
    assert "STATE_INVALID" in platform("cancel", name, expected=2)


def left_at_the_question(platform: Shell, project: Path, *, interrupt: bool) -> tuple[int, str]:
    """Begins to apply a repair, and leaves by Ctrl-C or by the end of the input; the exit code and the last line."""
    asked = platform.start("repair", "apply", "latest", project, stdin=subprocess.PIPE)
    assert asked.stderr
    said = ""
    while "[y/N]" not in said:
        said += asked.stderr.read(1)
    if interrupt:
        asked.send_signal(signal.SIGINT)
    _, errors = asked.communicate(timeout=30)
    return asked.returncode, errors.strip().splitlines()[-1]


def test_a_report_without_a_folder_is_refused_before_anything_runs(platform: Shell, project: Path) -> None:
    file = project / "none" / "report.xml"
    assert str(file) in platform("run", project, *PYTHON, "--junit", file, expected=2)


def test_a_failure_is_repaired_and_the_patch_applied(platform: Shell, project: Path) -> None:
    platform("run", project, *PYTHON, expected=1)
    written = platform("repair", "heal", "latest")
    assert "+    return a + b" in written
    assert "maestro repair apply" in written
    assert "nothing to repair" not in platform("results", "latest", "--failed")
    shown, every = (len(platform.json("runs", *more)["runs"]) for more in ((), ("--all",)))
    assert shown < every, "the runs of a repair are shown only when asked for"
    assert (project / "calc.py").read_text().count(FIX[0]) == 1
    assert platform("repair", "show", "latest", "--diff").startswith("--- a/calc.py")
    for interrupt in (True, False):
        assert left_at_the_question(platform, project, interrupt=interrupt) == (2, "interrupted")
    platform("repair", "apply", "latest", project, "--yes")
    assert (project / "calc.py").read_text().count(FIX[1]) == 1
    assert platform.json("repair", "list")["repairs"][0]["state"] == "STATE_APPLIED"
    assert platform("repair", "apply", "latest", project).strip() == "was applied already"
    assert "xfailed" in platform("run", project, *PYTHON)


def test_a_run_says_what_isolated_it(platform: Shell, project: Path) -> None:
    platform("run", project, *PYTHON, expected=1)
    assert "in force" in platform("results", "latest", "--actions")
    (action,) = platform.json("results", "latest", "--actions")["actions"]
    assert "MECHANISM_SESSION" in action["execution"]["isolation"]["mechanisms"]


def test_a_test_that_is_not_there_is_no_empty_answer(platform: Shell, project: Path) -> None:
    platform("run", project, *PYTHON, expected=1)
    for more in ((), ("--log",)):
        assert "no test nope" in platform("results", "latest", "--test", "nope", *more, expected=2)


def test_a_changed_file_is_not_patched(platform: Shell, project: Path) -> None:
    platform("run", project, *PYTHON, expected=1)
    platform("repair", "heal", "latest")
    mine = (project / "calc.py").read_text() + "# mine\n"
    (project / "calc.py").write_text(mine)
    assert "not what the patch was made for" in platform("repair", "apply", "latest", project, "--yes", expected=2)
    assert (project / "calc.py").read_text() == mine


def test_monitoring_is_started_and_stopped(platform: Shell) -> None:
    assert "is following" in platform("repair", "start")
    assert "is following" in platform("repair", "status")
    assert "is stopped" in platform("repair", "stop")


def test_a_project_is_started_from_a_template(platform: Shell, tmp_path: Path) -> None:
    assert "python-service" in platform("templates", "list")
    assert "python-service" in platform("templates", "search", "service")
    assert "package_name" in platform("templates", "show", "python-service")
    platform("templates", "render", "python-service", tmp_path / "shop", "--set", "project_name=Shop")
    assert (tmp_path / "shop" / "src" / "shop").is_dir()
    platform("run", tmp_path / "shop", *PYTHON)
    assert "no variable nonsense" in platform(
        "templates", "render", "python-service", tmp_path / "x", "--set", "nonsense=1", expected=2
    )


def test_a_template_of_ones_own_is_added_checked_and_rendered(platform: Shell, tmp_path: Path) -> None:
    source = tmp_path / "greeting"
    source.mkdir()
    (source / "maestro-template.yaml").write_text(
        "display_name: Greeting\nversion: 1.0.0\nvariables:\n  who:\n    type: string\n    default: world\n"
    )
    (source / "hello.txt").write_text("Hello, {{ who }}!\n")
    platform("templates", "add", source, "--check")
    platform("templates", "add", source)
    assert "RESOURCE_EXISTS" in platform("templates", "add", source, expected=2)
    platform("templates", "render", "greeting@1.0.0", tmp_path / "out", "--set", "who=you")
    assert (tmp_path / "out" / "hello.txt").read_text() == "Hello, you!\n"


def test_services_and_tokens_are_listed(platform: Shell) -> None:
    names = {one["name"].split("/")[1] for one in platform.json("services")["instances"]}
    assert names == {"registry", "execution", "automation", "templates", "audit"}
    created = platform.json("token", "create", "ci", "--role", "viewer")
    assert "ci" in platform("token", "list")
    assert created["secret"] not in platform("token", "list")
    platform("token", "revoke", created["token"]["name"])
    assert "revoked" in platform("token", "list")


def recorded(platform: Shell, condition: str) -> str:
    """Return the newest event that meets a condition, once it is on record: services send theirs shortly after."""
    deadline = time.monotonic() + 20
    while not (events := platform.json("audit", "list", "--filter", condition)["events"]):
        assert time.monotonic() < deadline, f"nothing is recorded with {condition}"
        time.sleep(0.1)
    return str(events[0]["name"])


def test_the_record_is_read_and_verified(platform: Shell) -> None:
    platform("token", "create", "audited")
    name = recorded(platform, 'kind = "registry.tokens.create"')
    assert "registry.tokens.create" in platform("audit", "show", name)
    assert platform("audit", "verify", name).startswith("verified")
    platform("token", "create", "another")
    proved = platform.json("audit", "verify", name)
    assert proved["verified"]
    assert proved["keyWasKnown"]
    assert proved["treeSize"] >= proved["consistentFrom"] > 0


def test_another_key_than_the_known_one_is_refused(platform: Shell) -> None:
    platform("token", "create", "audited")
    platform("audit", "verify", recorded(platform, 'kind = "registry.tokens.create"'))
    memory = platform.state / "known-logs.json"
    kept = memory.read_text()
    content = json.loads(kept)
    for log in content.values():
        log["key"] = log["key"][:-4] + "AAA="
    memory.write_text(json.dumps(content))
    assert "another key than before" in platform("audit", "verify", expected=2)
    memory.write_text(kept)
