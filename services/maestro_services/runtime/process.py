"""A server as a process: settings in, signals handled, exit code out."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence

from maestro_services.runtime.server import Running, Server
from maestro_services.runtime.server_settings import ServerSettings
from maestro_services.runtime.service import Compose, Loop
from maestro_services.runtime.settings import SettingsError, load
from maestro_services.runtime.supervision import Supervisor
from maestro_services.runtime.telemetry import configure_logging, configure_tracing, serve_metrics


def main(name: str, composes: Sequence[Compose]) -> None:
    """Hosts services until SIGTERM or SIGINT; a setting that cannot be used ends the start with one sentence."""
    try:
        settings = load(ServerSettings, "server")
        configure_logging(settings.log_level)
        configure_tracing(name)
        asyncio.run(serve(composes, settings))
    except SettingsError as error:
        print(f"maestro {name}: {error}", file=sys.stderr)  # noqa: T201 (the one sentence of a start that failed)
        sys.exit(2)


async def serve(
    composes: Sequence[Compose],
    settings: ServerSettings,
    started: Callable[[Running], Awaitable[Sequence[Loop]]] | None = None,
) -> None:
    """Hosts services until the process is asked to end; `started` is called once they serve, and may add loops."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if settings.metrics_address:
        host, _, port = settings.metrics_address.rpartition(":")
        serve_metrics(host, int(port))
    async with Server(composes, settings).running() as running:
        supervisor = Supervisor()
        if started is not None:
            supervisor.start(await started(running))
        await stop.wait()
        await supervisor.stop(settings.grace_seconds)
