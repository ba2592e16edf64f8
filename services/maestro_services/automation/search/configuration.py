"""What the search is told, and what it tells, as plain JSON."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

SCHEMA = 1


@dataclasses.dataclass(frozen=True)
class SearchConfiguration:
    """The task of one search."""

    failing: tuple[str, ...]
    """Node ids of the tests that have to pass."""
    arguments: tuple[str, ...] = ()
    """What the run gave to pytest."""
    root: str = "."
    """The root of the tree, seen from the working directory; reported paths are relative to it."""
    wall_seconds: float = 60.0
    """When to stop, counted from the start of the program."""
    candidate_count: int = 5000
    """How many candidates may be executed."""
    plausible_count: int = 20
    """How many candidates that pass are enough."""
    process_count: int = 2
    """How many candidates are executed at once."""
    case_seconds: float = 0.3
    """The CPU time of one test, unless it is known to need more."""
    retry_seconds: float = 8.0
    """The CPU time of one test for those candidates that deserve a second try."""
    memory_bytes: int = 2 << 30
    """The address space of a candidate's process."""
    function_count: int = 20
    """How many of the most suspicious functions are edited."""
    line_count: int = 50
    """How many suspicious lines are reported."""

    @classmethod
    def read(cls, path: Path) -> SearchConfiguration:
        """Reads a configuration file; unknown keys are refused."""
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
        for key in ("failing", "arguments"):
            values[key] = tuple(values.get(key, ()))
        return cls(**values)


@dataclasses.dataclass
class SearchResult:
    """What a search found."""

    stop: str = "error"
    """Why it ended: `exhausted`, `enough`, `time`, `candidates`, `not-reproduced`, `no-product-code` or `error`."""
    message: str = ""
    """The error, if it ended with one."""
    failing_count: int = 0
    passing_count: int = 0
    skipped_count: int = 0
    not_reproduced: list[str] = dataclasses.field(default_factory=list)
    """Tests that were said to fail and passed."""
    generated_count: int = 0
    tried_count: int = 0
    baseline_seconds: float = 0.0
    search_seconds: float = 0.0
    lines: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    """Suspicious lines: path, line, function, score."""
    candidates: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    """Plausible edits, best first."""

    def write(self, path: Path) -> None:
        """Writes the result as one JSON document."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"schema": SCHEMA, **dataclasses.asdict(self)}, indent=1), "utf-8")
