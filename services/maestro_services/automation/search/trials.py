"""Tries candidates: each in a child of its own, until one test does not pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence

from .baseline import Case
from .candidates import Candidate
from .cases import PASS, TIMEOUT, CaseRunner, followed
from .forks import Forks, Job, Message, Send
from .installing import LoadedCode

_PASSING_COUNT = 300
_PASSING_SECONDS = 5.0
_SLACK = 3.0
"""How much longer than in the baseline a passing test may take."""
_HANG_FACTOR = 20.0
_SHORTEST_SECONDS = 0.1
_LONGEST_SECONDS = 0.3
_PATIENT_SECONDS = 1.0
"""From this limit on a trial is a second one, and gets all the time that it is given."""
_WALL_SECONDS = 5.0
_WALL_FACTOR = 5.0


@dataclasses.dataclass(frozen=True)
class Trial:
    """How a candidate did."""

    candidate: Candidate
    verdict: str
    passed_count: int
    """Tests that passed before the first that did not."""
    case_count: int
    """Tests that it was to pass."""

    @property
    def plausible(self) -> bool:
        """Whether every test passed."""
        return self.verdict == PASS


class Laboratory:
    """Runs the tests that matter to a candidate with its change in place."""

    def __init__(
        self, failing: Sequence[Case], passing: Sequence[Case], code: LoadedCode, runner: Callable[[Send], CaseRunner]
    ) -> None:
        self._failing = failing
        self._passing = sorted(passing, key=lambda case: (case.cpu_seconds, case.number))
        longest = max((case.cpu_seconds for case in passing), default=_SHORTEST_SECONDS)
        self._hang_seconds = min(max(_HANG_FACTOR * longest, _SHORTEST_SECONDS), _LONGEST_SECONDS)
        self._code = code
        self._runner = runner
        self._selected: dict[object, list[Case]] = {}

    def run(self, candidates: Iterator[Candidate], forks: Forks, limit: float, deadline: float) -> Iterator[Trial]:
        """Yields a trial for each candidate, in their order."""
        for candidate, messages in forks.run((self._job(candidate, limit) for candidate in candidates), deadline):
            yield self._trial(candidate, messages)

    def cases(self, candidate: Candidate) -> list[Case]:
        """The failing tests, then passing ones that execute what the candidate changes, fast ones first."""
        key = (candidate.source.path, candidate.function)
        if key not in self._selected:
            self._selected[key] = [*self._failing, *_affordable(self._touching(candidate))]
        return self._selected[key]

    def _touching(self, candidate: Candidate) -> Iterator[Case]:
        function = candidate.function
        for case in self._passing:
            lines = case.lines.get(candidate.source.path, set())
            if function is None:
                if lines:
                    yield case
            elif any(function.lineno <= line <= (function.end_lineno or function.lineno) for line in lines):
                yield case

    def _job(self, candidate: Candidate, limit: float) -> Job[Candidate]:
        cases = self.cases(candidate)
        limits = [self._limit(case, limit) for case in cases]
        wall = _WALL_SECONDS + _WALL_FACTOR * (limit + sum(case.wall_seconds for case in cases))

        def task(send: Send) -> None:
            self._code.install(candidate)
            runner = self._runner(send)
            items = followed([case.item for case in cases])
            for passed, ((item, following), seconds) in enumerate(zip(items, limits, strict=True)):
                if not runner.check(item, following, seconds, passed):
                    return
            send({"verdict": PASS, "passed": len(cases)})

        return Job(candidate, task, wall, cpu_seconds=sum(limits))

    def _limit(self, case: Case, limit: float) -> float:
        if case.verdict == TIMEOUT:
            # What hangs says nothing of how long it should take; the passing tests do. A slow one is tried again.
            return self._hang_seconds if limit < _PATIENT_SECONDS else limit
        return max(limit, _SLACK * case.cpu_seconds)

    def _trial(self, candidate: Candidate, messages: list[Message]) -> Trial:
        case_count = len(self.cases(candidate))
        if not messages:
            return Trial(candidate, "died", 0, case_count)
        return Trial(candidate, messages[-1]["verdict"], messages[-1]["passed"], case_count)


def _affordable(cases: Iterable[Case]) -> Iterator[Case]:
    seconds = 0.0
    for count, case in enumerate(cases):
        seconds += case.cpu_seconds
        if count >= _PASSING_COUNT or (count and seconds > _PASSING_SECONDS):
            return
        yield case
