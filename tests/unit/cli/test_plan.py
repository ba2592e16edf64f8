import os
from pathlib import Path

import pytest
from maestro.execution.v1 import run_pb2
from maestro_cli.failures import Failure
from maestro_cli.plan import Wish, duration_of, find_python, pairs, plan_run


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_projects_own_environment_comes_first(tmp_path: Path) -> None:
    active = executable(tmp_path / "active" / "bin" / "python")
    on_path = executable(tmp_path / "bin" / "python3")
    environment = {"VIRTUAL_ENV": str(tmp_path / "active"), "PATH": str(tmp_path / "bin")}
    assert find_python(tmp_path, None, environment) == str(active)
    assert find_python(tmp_path, None, {"PATH": environment["PATH"]}) == str(on_path)
    own = executable(tmp_path / ".venv" / "bin" / "python")
    assert find_python(tmp_path, None, environment) == str(own)


def test_an_interpreter_is_known_by_where_it_stands_not_by_where_its_link_leads(tmp_path: Path) -> None:
    real = executable(tmp_path / "real" / "python")
    link = tmp_path / ".venv" / "bin" / "python"
    link.parent.mkdir(parents=True)
    link.symlink_to(real)
    assert find_python(tmp_path, None, {"PATH": ""}) == str(link)


def test_a_missing_interpreter_is_said_with_what_was_tried(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"tried .*\.venv/bin/python, python3"):
        find_python(tmp_path, None, {"PATH": str(tmp_path)})
    with pytest.raises(Failure, match="tried /nowhere"):
        find_python(tmp_path, "/nowhere", {"PATH": os.defpath})


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("90", 90_000), ("90s", 90_000), ("5m", 300_000), ("1.5h", 5_400_000), ("20ms", 20)]
)
def test_time_spans_are_read_as_people_write_them(text: str, milliseconds: int) -> None:
    assert duration_of(text).ToMilliseconds() == milliseconds


@pytest.mark.parametrize("text", ["", "soon", "-5s", "5 days"])
def test_what_is_no_time_span_is_refused(text: str) -> None:
    with pytest.raises(Failure, match="no time span"):
        duration_of(text)


def test_a_time_span_of_nothing_is_refused() -> None:
    with pytest.raises(Failure, match="no time"):
        duration_of("0s")


def test_pairs_need_a_key_and_a_value() -> None:
    assert pairs(("a=1", "b=x=y"), "--label") == {"a": "1", "b": "x=y"}
    with pytest.raises(Failure, match="--label 'a' has no value"):
        pairs(("a",), "--label")


def test_a_run_carries_what_was_said(tmp_path: Path) -> None:
    python = executable(tmp_path / "py")
    wish = Wish(tmp_path, ("-k", "x"), python=str(python), timeout="5s", network="host", labels=("branch=main",))
    run = plan_run(wish)
    assert list(run.spec.pytest.arguments) == ["-k", "x"]
    assert run.spec.limits.run_timeout.seconds == 5
    assert run.spec.limits.network == run_pb2.Limits.NETWORK_HOST
    assert run.labels == {"branch": "main"}
    assert run.display_name == tmp_path.name


def test_a_command_takes_the_place_of_pytest(tmp_path: Path) -> None:
    run = plan_run(Wish(tmp_path, ("make", "test"), command=True, python=str(executable(tmp_path / "py"))))
    assert run.spec.WhichOneof("plan") == "command"
    with pytest.raises(Failure, match="needs a command"):
        plan_run(Wish(tmp_path, command=True, python=str(tmp_path / "py")))
