"""What a run is asked to do: from the command line to a Run."""

import dataclasses
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from maestro.execution.v1 import run_pb2

from .failures import Failure

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_NETWORKS = {"loopback": run_pb2.Limits.NETWORK_LOOPBACK, "host": run_pb2.Limits.NETWORK_HOST}


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """What was said about a run on the command line."""

    folder: Path
    arguments: tuple[str, ...] = ()
    command: bool = False
    python: str | None = None
    timeout: str | None = None
    network: str | None = None
    labels: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()


def plan_run(wish: Wish) -> run_pb2.Run:
    """Return the run to create, without its input. Raises Failure for what cannot be meant."""
    spec = run_pb2.RunSpec(
        python=find_python(wish.folder, wish.python, os.environ),
        environment=pairs(wish.environment, "--env"),
        limits=run_pb2.Limits(network=_NETWORKS.get(wish.network or "", run_pb2.Limits.NETWORK_UNSPECIFIED)),
    )
    if wish.timeout:
        spec.limits.run_timeout.CopyFrom(duration_of(wish.timeout))
    if wish.command:
        if not wish.arguments:
            raise Failure("--command needs a command", "put it behind --, as in: maestro run . --command -- make test")
        spec.command.arguments.extend(wish.arguments)
    else:
        spec.pytest.SetInParent()
        spec.pytest.arguments.extend(wish.arguments)
    return run_pb2.Run(display_name=wish.folder.resolve().name[:200], labels=pairs(wish.labels, "--label"), spec=spec)


def find_python(folder: Path, given: str | None, environment: Mapping[str, str]) -> str:
    """Return the project's interpreter: the given one, that of its or the active virtual environment, or python3.

    Links are kept: a virtual environment's interpreter is a link, and known by where it stands.
    """
    candidates = [given] if given else [str(folder / ".venv" / "bin" / "python")]
    if not given and environment.get("VIRTUAL_ENV"):
        candidates.append(f"{environment['VIRTUAL_ENV']}/bin/python")
    if not given:
        candidates.append("python3")
    for candidate in candidates:
        found = shutil.which(candidate, path=environment.get("PATH"))
        if found:
            return str(Path(found).absolute())
    raise Failure(f"no Python interpreter: tried {', '.join(candidates)}", "name one with --python PATH")


def duration_of(text: str) -> Duration:
    """Return a duration such as 90, 90s, 5m or 1.5h."""
    match = _SPAN.fullmatch(text.strip())
    if not match:
        raise Failure(f"{text!r} is no time span", "write it as 90s, 5m or 1.5h")
    if not float(match[1]):
        raise Failure(f"{text!r} would leave no time", "write it as 90s, 5m or 1.5h; leave it out for the default")
    duration = Duration()
    duration.FromMilliseconds(round(float(match[1]) * _UNITS[match[2]] * 1000))
    return duration


def pairs(texts: tuple[str, ...], option: str) -> dict[str, str]:
    """Return what KEY=VALUE options say."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise Failure(f"{option} {text!r} has no value", f"write it as {option} key=value")
        found[key] = value
    return found
