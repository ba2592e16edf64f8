"""Options that all commands share, and how a command that talks to the platform is run."""

import dataclasses
import functools
from collections.abc import Awaitable, Callable
from typing import Any

import click

Command = Callable[..., Awaitable[int | None]]


@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    """What was said for every command."""

    address: str | None = None
    project: str = "local"
    output: str = "text"
    state_directory: str | None = None
    debug: bool = False

    @property
    def json(self) -> bool:
        """Whether output is for programs."""
        return self.output == "json"


_SHARED = (
    click.option("--address", envvar="MAESTRO_ADDRESS", metavar="HOST:PORT", help="Where the platform answers."),
    click.option(
        "--project", envvar="MAESTRO_PROJECT", default="local", show_default=True, metavar="ID", help="The project."
    ),
    click.option(
        "--output",
        "-o",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="For whom to write.",
    ),
    click.option(
        "--state-directory", envvar="MAESTRO_STATE_DIRECTORY", metavar="DIR", help="Where local state is kept."
    ),
    click.option("--debug", is_flag=True, envvar="MAESTRO_DEBUG", help="Show tracebacks."),
)


def shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the shared options; the function takes them as its first argument, an Options."""

    @functools.wraps(function)
    def gathered(
        address: str | None, project: str, output: str, state_directory: str | None, debug: bool, **arguments: Any
    ) -> Any:
        options = Options(address, project.removeprefix("projects/"), output, state_directory, debug)
        return function(options, **arguments)

    for option in reversed(_SHARED):
        gathered = option(gathered)
    return gathered


def on_platform(function: Command) -> Callable[..., Any]:
    """Make a command of a coroutine that takes a Session; its answer is the exit code, None for 0.

    A platform is started for the time of the command if none answers.
    """

    @functools.wraps(function)
    def command(options: Options, **arguments: Any) -> int:
        from .session import execute

        return execute(functools.partial(function, **arguments), options)

    return shared(command)
