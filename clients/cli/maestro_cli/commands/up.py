"""`maestro up`: the whole platform in one process."""

import os
import sys

import click


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=None, help="The loopback port. Default: 7470; 0 takes a free one."
)
@click.option("--workers", type=click.IntRange(0, 64), default=None, help="How many worker processes to keep.")
@click.option("--state-directory", envvar="MAESTRO_STATE_DIRECTORY", metavar="DIR", help="Where everything is kept.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default=None)
def up(**options: object) -> None:
    """Run all services and workers on one loopback port until Ctrl-C.

    Other commands find it by itself. Everything is kept in the state directory, by default ~/.local/state/maestro.
    """
    arguments = [sys.executable, "-m", "maestro_services.embedded"]
    for name, value in options.items():
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    sys.stdout.flush()
    os.execv(sys.executable, arguments)  # noqa: S606 -- it takes this process's place, and so its signals
