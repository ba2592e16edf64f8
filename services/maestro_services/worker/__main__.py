"""`python -m maestro_services.worker`: a worker process."""

import argparse
import asyncio
import dataclasses
import signal
import sys
from typing import Any

from maestro_services.runtime.settings import SettingsError, load
from maestro_services.runtime.telemetry import configure_logging
from maestro_services.worker.agent import NoServerError
from maestro_services.worker.compose import compose
from maestro_services.worker.sandbox.kernel import die_with_parent
from maestro_services.worker.settings import WorkerSettings


def arguments(argv: list[str] | None = None) -> dict[str, Any]:
    """What the command line sets; the rest comes from the settings."""
    parser = argparse.ArgumentParser(prog="maestro-worker", description="Execute actions for a MAESTRO platform.")
    parser.add_argument("--server", help="the execution service, host:port")
    parser.add_argument("--id", help="unique among the workers, stable over restarts")
    parser.add_argument("--slots", type=int, help="how many actions at once")
    parser.add_argument("--token-file", help="a file with the worker's token")
    parser.add_argument("--work-directory", help="where actions live and blobs are kept")
    parser.add_argument("--hide", action="append", help="a folder or file that no action may see; may be repeated")
    parser.add_argument("--require-isolation", action="store_true", default=None, help="refuse what is not separated")
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"])
    given = {name: value for name, value in vars(parser.parse_args(argv)).items() if value is not None}
    if "hide" in given:
        given["hide"] = tuple(given["hide"])
    return given


def main() -> None:
    """Works until SIGTERM or SIGINT, or until no server answers for too long."""
    given = arguments()
    try:
        settings = dataclasses.replace(load(WorkerSettings, "worker"), **given)
        configure_logging(settings.log_level)
        if settings.end_with_parent:
            die_with_parent(signal.SIGKILL)
        asyncio.run(run(settings))
    except (SettingsError, NoServerError) as error:
        sys.exit(f"maestro-worker: {error}")


async def run(settings: WorkerSettings) -> None:
    """Works until told to stop by a signal."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with compose(settings) as agent:
        await agent.run(stop)


if __name__ == "__main__":
    main()
