"""`maestro demo`: the main job from end to end, with the commands that a person would type."""

import asyncio
import contextlib
import difflib
import json
import os
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from maestro_cli.failures import Failure
from maestro_cli.local_platform import started_platform

DEFECT = ("if pieces >= minimum:", "if pieces > minimum:")
_PATIENCE_SECONDS = 60.0


@click.command()
@click.option("--keep", metavar="DIR", help="Keep the sample project and the platform's state here.")
def demo(keep: str | None) -> None:
    """Show the main job on a sample project: run, break, repair, prove.

    It starts a platform of its own, and fails at the first step that did not really happen.
    """
    with contextlib.ExitStack() as stack:
        folder = keep or stack.enter_context(tempfile.TemporaryDirectory(prefix="maestro-demo-"))
        asyncio.run(Demo(Path(folder).resolve()).run())


class Demo:
    """The steps, each of which checks what it shows."""

    def __init__(self, folder: Path) -> None:
        self._state = folder / "state"
        self._project = folder / "tea-shop"
        self._step = 0

    async def run(self) -> None:
        """Take every step on a platform that ends with the last one."""
        began = time.monotonic()
        self._state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._say("The platform starts: five services in one process, a worker beside it")
        async with started_platform(self._state) as endpoint:
            click.echo(f"it answers on {endpoint.address}")
            await self._render()
            await self._break()
            repair = await self._repair()
            await self._apply(repair)
            await self._verify()
            self._say("The platform stops")
        if (self._state / "endpoint.json").exists():
            raise Failure("the platform did not stop cleanly", f"read {self._state / 'platform.log'}")
        click.secho(f"\nAll of it happened, in {time.monotonic() - began:.0f} seconds.", fg="green", bold=True)

    async def _render(self) -> None:
        self._say("A project is rendered from the built-in template, and its suite is green")
        await self._type("templates", "render", "python-service", self._project, "--set", "project_name=Tea Shop")
        await self._type("run", self._project, "--python", sys.executable)

    async def _break(self) -> None:
        self._say("One defect is planted; from now on failed runs are repaired by themselves")
        pricing = self._pricing()
        good = pricing.read_text()
        if good.count(DEFECT[0]) != 1:
            raise Failure(f"{pricing} has no place for the defect")
        bad = good.replace(*DEFECT)
        pricing.write_text(bad)
        _print_diff(good, bad, pricing.name)
        await self._type("repair", "start")
        await self._type("run", self._project, "--python", sys.executable, expected=1)

    async def _repair(self) -> str:
        self._say("The failure is diagnosed, and a repair is found and proved; no file is touched")
        repair = await self._first("repairs", "repair", "list")
        await self._type("repair", "watch", repair)
        await self._type("repair", "show", repair)
        shown = await self._ask("repair", "show", repair)
        accepted = [run["purpose"] for run in shown.get("evidence", ()) if run.get("accepted")]
        if "PURPOSE_WHOLE_SUITE" not in accepted:
            raise Failure("the repair was not proved by a run of the whole suite")
        return repair

    async def _first(self, field: str, *words: str) -> str:
        """Ask until there is something, and return the id of the first."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not (listed := (await self._ask(*words)).get(field)):  # noqa: ASYNC110 (only it can tell)
                await asyncio.sleep(0.2)
        return str(listed[0]["name"]).rpartition("/")[2]

    async def _apply(self, repair: str) -> None:
        self._say("The repair is applied, and the suite is green again")
        await self._type("repair", "apply", repair, self._project, "--yes")
        if DEFECT[0] not in self._pricing().read_text():
            raise Failure("the defect is still there")
        await self._type("run", self._project, "--python", sys.executable)

    async def _verify(self) -> None:
        self._say("All of it is on record, and the record proves itself")
        applied = 'kind = "automation.repairs.apply"'
        event = await self._first("events", "audit", "list", "--filter", applied)
        await self._type("audit", "list")
        await self._type("audit", "verify", event)

    def _pricing(self) -> Path:
        return next(self._project.glob("src/*/pricing.py"))

    def _say(self, text: str) -> None:
        self._step += 1
        click.secho(f"\n{self._step}. {text}", fg="cyan", bold=True)

    async def _type(self, *words: str | Path, expected: int = 0) -> None:
        """Run a command of ours as a person would, and insist on its exit code."""
        shown = shlex.join(_shown(word) for word in words)
        click.secho(f"$ maestro {shown}", bold=True)
        process = await asyncio.create_subprocess_exec(*self._command(words), env=self._environment())
        code = await process.wait()
        if code != expected:
            raise Failure(f"`maestro {shown}` ended with {code} instead of {expected}")

    async def _ask(self, *words: str) -> dict[str, Any]:
        """Run a command for its JSON."""
        command = self._command((*words, "--output", "json"))
        process = await asyncio.create_subprocess_exec(
            *command, env=self._environment(), stdout=asyncio.subprocess.PIPE
        )
        written, _ = await process.communicate()
        if process.returncode:
            raise Failure(f"`maestro {shlex.join(words)}` ended with {process.returncode}")
        answer: dict[str, Any] = json.loads(written)
        return answer

    def _command(self, words: tuple[str | Path, ...]) -> list[str]:
        return [sys.executable, "-m", "maestro_cli", *map(str, words)]

    def _environment(self) -> dict[str, str]:
        others = {name: value for name, value in os.environ.items() if not name.startswith("MAESTRO_")}
        return others | {"MAESTRO_STATE_DIRECTORY": str(self._state), "MAESTRO_PROJECT": "demo"}


def _shown(word: str | Path) -> str:
    return word.name if isinstance(word, Path) else {sys.executable: "python"}.get(word, word)


def _print_diff(before: str, after: str, name: str) -> None:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, n=1, lineterm="")
    for line in lines:
        click.secho(line, fg={"+": "green", "-": "red", "@": "cyan"}.get(line[0]))
