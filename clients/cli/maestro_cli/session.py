"""A command's connection to the platform, and how it writes."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click
from google.protobuf.message import Message
from maestro_client import Maestro

from .failures import Failure, failure_of
from .local_platform import platform_for
from .options import Options

if TYPE_CHECKING:
    from rich.console import Console


class Session:
    """What a command works with: the platform, the project, and a place to write."""

    def __init__(self, maestro: Maestro, options: Options, *, temporary: bool = False) -> None:
        self.maestro = maestro
        self.options = options
        # Whether the platform ends with the command.
        self.temporary = temporary
        self.parent = f"projects/{options.project}"

    @property
    def json(self) -> bool:
        """Whether output is for programs."""
        return self.options.json

    @cached_property
    def console(self) -> "Console":
        """Where text is written."""
        from .text import make_console

        return make_console()

    def document(self, message: Message) -> None:
        """Write a message as the one JSON document of the command; its own lists are there even if empty."""
        from google.protobuf.json_format import MessageToDict

        content = MessageToDict(message)
        for field in message.DESCRIPTOR.fields:
            if field.is_repeated and field.json_name not in content and not _is_map(field):
                content[field.json_name] = []
        click.echo(json.dumps(content, indent=2))

    def line(self, message: Message) -> None:
        """Write a message as one line of a JSON stream."""
        from google.protobuf.json_format import MessageToJson

        click.echo(MessageToJson(message, indent=None))


def _is_map(field: Any) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


def execute(command: Callable[[Session], Awaitable[int | None]], options: Options) -> int:
    """Run a command on the platform and return its exit code. Raises Failure; with --debug, the error itself."""
    try:
        return asyncio.run(_execute(command, options)) or 0
    except KeyboardInterrupt:
        raise click.Abort from None
    except click.Abort:
        raise
    except BrokenPipeError:
        # Whoever reads has enough, and can be told nothing more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except asyncio.CancelledError:
        raise Failure("ended by a signal") from None
    except click.ClickException as error:
        if isinstance(error, Failure):
            error.json = options.json
        raise
    except Exception as error:
        if options.debug:
            raise
        failure = failure_of(error)
        failure.json = options.json
        raise failure from None


async def _execute(command: Callable[[Session], Awaitable[int | None]], options: Options) -> int | None:
    task = asyncio.current_task()
    if task and sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with platform_for(options) as (maestro, temporary):
        return await command(Session(maestro, options, temporary=temporary))
