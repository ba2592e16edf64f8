"""The entry point: the commands by name, and what becomes of errors."""

import sys
from collections.abc import Sequence

import click

from ._lazy import LazyGroup

_COMMANDS = {
    "up": ("maestro_cli.commands.up:up", "Run the whole platform on this machine."),
    "run": ("maestro_cli.commands.run:run", "Run a project's tests and show what became of them."),
    "runs": ("maestro_cli.commands.runs:runs", "List runs."),
    "results": ("maestro_cli.commands.results:results", "Show the tests of a run, with their failures."),
    "watch": ("maestro_cli.commands.watch:watch", "Follow a run until it ends."),
    "cancel": ("maestro_cli.commands.cancel:cancel", "End a run."),
    "repair": ("maestro_cli.commands.repair:repair", "Find, show and apply repairs of failed runs."),
    "templates": ("maestro_cli.commands.templates:templates", "Keep templates, and start projects from them."),
    "services": ("maestro_cli.commands.services:services", "List the instances of the mesh."),
    "audit": ("maestro_cli.commands.audit:audit", "Read and verify the record of what was done."),
    "token": ("maestro_cli.commands.token:token", "Keep tokens for people and scripts."),
    "demo": ("maestro_cli.commands.demo:demo", "Show the main job on a sample project."),
    "completion": ("maestro_cli.commands.completion:completion", "Print the completion script of a shell."),
}


@click.command(
    cls=LazyGroup,
    lazy=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 passed or done, 1 failed, 2 could not run.",
)
@click.version_option(package_name="maestro-mesh", message="maestro %(version)s")
def cli() -> None:
    """Run, remember, repair and prove: software quality as a service of your own."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, by default this process's, and return its exit code."""
    try:
        code = cli.main(arguments, prog_name="maestro", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        return 2
    return code if isinstance(code, int) else 0


def main() -> None:
    """Run this process's command line and exit with its code."""
    sys.exit(run())
