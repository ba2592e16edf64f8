"""`python -m maestro_services.embedded`: the whole platform on one loopback port."""

import argparse
import asyncio
import dataclasses
import os
import sys
from contextlib import ExitStack

from maestro_services.audit.compose import compose as audit
from maestro_services.automation.compose import compose as automation
from maestro_services.embedded.endpoint import exclusive, published
from maestro_services.embedded.settings import EmbeddedSettings
from maestro_services.embedded.workers import LocalWorker
from maestro_services.execution.compose import compose as execution
from maestro_services.registry.compose import compose as registry
from maestro_services.runtime.process import serve
from maestro_services.runtime.server import Running
from maestro_services.runtime.server_settings import ServerSettings
from maestro_services.runtime.service import Loop
from maestro_services.runtime.settings import SettingsError, load
from maestro_services.runtime.telemetry import configure_logging, configure_tracing
from maestro_services.templates.compose import compose as templates

# Where `maestro up` answers unless it is told otherwise.
PORT = 7470
COMPOSES = (registry, execution, automation, templates, audit)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line; what it leaves out comes from the settings."""
    parser = argparse.ArgumentParser(prog="maestro up", description="Run the whole platform in one process.")
    parser.add_argument("--port", type=int, help=f"loopback port, by default {PORT}; 0 takes a free one")
    parser.add_argument("--state-directory", help="where everything is kept")
    parser.add_argument("--workers", type=int, help="worker processes to keep")
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"])
    return parser.parse_args(argv)


def main() -> None:
    """Runs until SIGTERM or SIGINT."""
    given = arguments()
    # Results and logs are the owner's alone, whatever folder they are kept in.
    os.umask(0o077)
    try:
        server = load(ServerSettings, "server")
        overrides = {"state_directory": given.state_directory, "log_level": given.log_level}
        if given.port is not None or server.address == ServerSettings.address:
            overrides["address"] = f"127.0.0.1:{PORT if given.port is None else given.port}"
        server = dataclasses.replace(server, **{key: value for key, value in overrides.items() if value is not None})
        embedded = load(EmbeddedSettings, "embedded")
        if given.workers is not None:
            embedded = dataclasses.replace(embedded, workers=given.workers)
        configure_logging(server.log_level)
        configure_tracing("embedded")
        with exclusive(server.state()):
            asyncio.run(run(server, embedded))
    except SettingsError as error:
        print(f"maestro up: {error}", file=sys.stderr)  # noqa: T201 (the one sentence of a start that failed)
        sys.exit(2)


async def run(server: ServerSettings, embedded: EmbeddedSettings) -> None:
    """Serves, with its workers, and says where."""
    with ExitStack() as stack:

        async def started(running: Running) -> list[Loop]:
            stack.enter_context(published(server.state(), running.address))
            print(f"MAESTRO answers on {running.address}", flush=True)  # noqa: T201 (what the caller waits for)
            secret = running.platform.secret
            return [
                LocalWorker(f"worker-local-{number}", running.address, server.state(), embedded.slots, secret)
                for number in range(1, embedded.workers + 1)
            ]

        await serve(COMPOSES, server, started)


if __name__ == "__main__":
    main()
