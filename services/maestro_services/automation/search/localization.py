"""How much the failing tests point at each line: Ochiai's coefficient over their spectra."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from .tracing import Lines

Line = tuple[str, int]

_CONTINUATION = 0.9
"""A line without a spectrum of its own takes this share of the executed line above it."""


class Suspicion:
    """The suspicion of every line that a failing test executed, from 0 to 1."""

    def __init__(self, failing: Sequence[Lines], passing: Iterable[Lines]) -> None:
        hits = _count(failing)
        misses = _count(passing)
        self.scores: dict[Line, float] = {
            line: count / math.sqrt(len(failing) * (count + misses[line])) for line, count in hits.items()
        }

    def at(self, path: str, line: int, first: int) -> float:
        """The score of a line; a continuation line is judged by the executed line above it, down to `first`."""
        exact = self.scores.get((path, line))
        if exact is not None:
            return exact
        for above in range(line - 1, first - 1, -1):
            if (path, above) in self.scores:
                return _CONTINUATION * self.scores[path, above]
        return 0.0

    def ranked(self) -> list[tuple[Line, float]]:
        """All lines, most suspicious first, then by place."""
        return sorted(self.scores.items(), key=lambda entry: (-entry[1], entry[0]))


def _count(spectra: Iterable[Lines]) -> Counter[Line]:
    return Counter((path, line) for lines in spectra for path, numbers in lines.items() for line in numbers)
