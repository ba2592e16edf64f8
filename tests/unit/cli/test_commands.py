import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from maestro_cli.main import cli


def commands(group: click.Command, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield names, group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            below = group.get_command(context, name)
            assert below is not None, name
            yield from commands(below, *names, name)


ALL = list(commands(cli))


@pytest.mark.parametrize(("names", "command"), ALL, ids=[" ".join(names) or "maestro" for names, _ in ALL])
def test_every_command_has_help(names: tuple[str, ...], command: click.Command) -> None:
    result = CliRunner().invoke(cli, [*names, "--help"])
    assert result.exit_code == 0
    assert command.help
    assert command.help.splitlines()[0].endswith(".")


def test_help_loads_click_alone() -> None:
    code = (
        "import sys; from maestro_cli.main import cli; cli(['--help'], standalone_mode=False); "
        "print({'grpc', 'rich', 'google.protobuf', 'maestro_client', 'asyncio'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_its_completion(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert "_MAESTRO_COMPLETE" in result.output


def test_the_token_is_shown_by_its_path_only(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    shown = CliRunner().invoke(cli, ["token", "show", "--state-directory", str(tmp_path), "-o", "json"])
    assert json.loads(shown.output) == {"path": str(tmp_path / "token"), "exists": True}
    assert "secret" not in shown.output


def test_nobody_at_a_given_address_is_two_lines_and_exit_code_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "maestro_cli", "runs", "--address", "127.0.0.1:1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert second.startswith("  next: is the platform running")


def test_a_folder_that_does_not_exist_starts_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["run", str(tmp_path / "nowhere"), "--state-directory", str(tmp_path / "state")])
    assert result.exit_code == 2
    assert "does not exist" in result.output
    assert not (tmp_path / "state").exists()


def test_wrong_usage_is_exit_code_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "maestro_cli", "run", "--bad"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "No such option" in done.stderr
