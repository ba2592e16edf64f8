"""Runs the search as a worker would: as a program beside a project. `python -m ….searching` reports on the corpus."""

import ast
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maestro_services.automation.search_program import COMMAND, CONFIGURATION, RESULT, program_files

from tests.integration.automation.corpus import BUGS, Bug

_ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
_LIMITS = "import resource as r; r.setrlimit(r.RLIMIT_CPU, (1, 2)); r.setrlimit(r.RLIMIT_AS, (1 << 30, 1 << 30))"


@dataclass
class Found:
    """What a search found, as sources best first."""

    sources: list[str]
    result: dict[str, Any]
    seconds: float

    def rank(self, right: str) -> int:
        """Where the right program stands, from 1; 0 if nowhere."""
        wanted = ast.dump(ast.parse(right))
        ranks = [number for number, source in enumerate(self.sources, 1) if ast.dump(ast.parse(source)) == wanted]
        return ranks[0] if ranks else 0


def search(folder: Path, bug: Bug, **configuration: object) -> Found:
    """Searches the broken program of a bug."""
    module = f"bug_{bug.name}"
    files = {f"{module}.py": bug.broken.encode(), f"test_{bug.name}.py": bug.tests.encode()} | program_files()
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    checks = [f"{_LIMITS}\nfrom {module} import *\nassert {check}" for check in bug.checks]
    failing = [f"test_{bug.name}.py::test_{number}" for number, one in enumerate(checks) if _fails(folder, one)]
    (folder / CONFIGURATION).write_text(json.dumps({"failing": failing, "wall_seconds": 300} | configuration))
    command = [sys.executable if part == "{python}" else part for part in COMMAND]
    started = time.monotonic()
    subprocess.run(command, cwd=folder, env=os.environ | _ENVIRONMENT, check=True, capture_output=True)
    seconds = time.monotonic() - started
    result = json.loads((folder / RESULT).read_text())
    data = bug.broken.encode()
    sources = [
        (data[: one["start"]] + one["after"].encode() + data[one["end"] :]).decode() for one in result["candidates"]
    ]
    return Found(sources, result, seconds)


def _fails(folder: Path, program: str) -> bool:
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, check=False).returncode != 0


def main() -> None:
    """Prints a line for each bug of the corpus, and the sums."""
    ranks, seconds = [], []
    for bug in BUGS:
        with tempfile.TemporaryDirectory() as folder:
            found = search(Path(folder), bug, wall_seconds=30)
        ranks.append(found.rank(bug.correct) if found.sources else -1)
        seconds.append(found.seconds)
        tried = found.result["tried_count"]
        print(f"{bug.name:16} {bug.kind:22} {len(found.sources):3} plausible, right at {ranks[-1]:2}, "
              f"{tried:5} tried, {found.seconds:5.1f} s, {found.result['stop']}")  # fmt: skip
    print(f"{len(BUGS)} bugs: {sum(rank >= 0 for rank in ranks)} with a plausible edit, {ranks.count(1)} with the "
          f"right one first, {sum(seconds) / len(seconds):.1f} s a bug")  # fmt: skip


if __name__ == "__main__":
    main()
