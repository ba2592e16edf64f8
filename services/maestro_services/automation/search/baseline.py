"""The tests before any change: how each ends, what it executes, and how long it takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest

from .cases import FAIL, PASS, SKIP, TIMEOUT, CaseRunner, followed
from .forks import Forks, Job, Message, Send
from .tracing import Lines

_BATCH = 40
_FAILING_SECONDS = 1.0
_PASSING_SECONDS = 10.0
_WALL_FACTOR = 6.0


@dataclasses.dataclass(frozen=True)
class Case:
    """A test with what its baseline run showed."""

    number: int
    item: pytest.Item
    verdict: str
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    lines: Lines = dataclasses.field(default_factory=dict)


class Baseline:
    """Traces tests in forked children."""

    def __init__(self, items: Sequence[pytest.Item], forks: Forks, runner: Callable[[Send], CaseRunner]) -> None:
        self._items = items
        self._forks = forks
        self._runner = runner

    def failing(self, numbers: Iterable[int], deadline: float) -> list[Case]:
        """Traces each test alone; a test whose process does not survive counts as failed."""
        batches = ((number,) for number in numbers)
        return [case for found in self._trace(batches, _FAILING_SECONDS, deadline) for case in found]

    def passing(self, numbers: Iterable[int], deadline: float) -> list[Case]:
        """Traces tests in batches; what is behind a test that ends its process is tried again without it."""
        cases: list[Case] = []
        pending = list(numbers)
        while pending:
            batches = _batched(pending)
            found = [case for batch in self._trace(batches, _PASSING_SECONDS, deadline) for case in batch]
            cases += found
            done = {case.number for case in found}
            pending = [number for number in pending if number not in done] if found else []
        return cases

    def _trace(self, batches: Iterable[tuple[int, ...]], limit: float, deadline: float) -> Iterator[list[Case]]:
        for batch, messages in self._forks.run((self._job(batch, limit) for batch in batches), deadline):
            cases = [self._case(message) for message in messages]
            if len(cases) < len(batch) and not (cases and cases[-1].verdict == TIMEOUT):
                number = batch[len(cases)]
                cases.append(Case(number, self._items[number], FAIL))
            yield cases

    def _job(self, batch: tuple[int, ...], limit: float) -> Job[tuple[int, ...]]:
        def task(send: Send) -> None:
            runner = self._runner(send)
            items = [self._items[number] for number in batch]
            for number, (item, following) in zip(batch, followed(items), strict=True):
                runner.trace(number, item, following, limit)

        return Job(batch, task, wall_seconds=_WALL_FACTOR * limit, cpu_seconds=limit * len(batch))

    def _case(self, message: Message) -> Case:
        lines: dict[str, list[int]] = message["lines"]
        spectrum = {path: set(numbers) for path, numbers in lines.items()}
        number: int = message["case"]
        return Case(number, self._items[number], message["verdict"], message["cpu"], message["wall"], spectrum)


def _batched(numbers: Sequence[int]) -> Iterator[tuple[int, ...]]:
    for start in range(0, len(numbers), _BATCH):
        yield tuple(numbers[start : start + _BATCH])


def failing_order(cases: Iterable[Case]) -> list[Case]:
    """Fast and small ones first, those that ran out of time last."""
    return sorted(cases, key=lambda case: (case.verdict == TIMEOUT, sum(map(len, case.lines.values())), case.number))


def did_fail(case: Case) -> bool:
    """Whether the test says that something is wrong."""
    return case.verdict in (FAIL, TIMEOUT)


def did_pass(case: Case) -> bool:
    """Whether a candidate must keep the test green."""
    return case.verdict == PASS


def says_nothing(case: Case) -> bool:
    """Whether the test was skipped, or was expected to fail."""
    return case.verdict == SKIP
