"""What is known of a run while it is watched."""

from collections import Counter
from collections.abc import Iterator

from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import execution_service_pb2, run_pb2, test_case_pb2

_BAD = {test_result_pb2.OUTCOME_FAIL, test_result_pb2.OUTCOME_ERROR}


class Tally:
    """Takes in the events of a watch, each of which may come more than once."""

    def __init__(self, run: run_pb2.Run) -> None:
        self.run = run
        self.current = ""
        self._outcomes: dict[str, int] = {}
        self._by_outcome: Counter[int] = Counter()
        self.failures: list[test_case_pb2.TestCase] = []

    @property
    def known(self) -> int:
        """How many tests there are, as far as is known."""
        return max(len(self._outcomes), self.run.counts.total_count)

    @property
    def ended(self) -> int:
        """How many tests have ended."""
        return sum(self._by_outcome.values())

    def count(self, outcome: int) -> int:
        """How many tests ended so."""
        return self._by_outcome[outcome]

    def take(self, event: execution_service_pb2.WatchRunResponse) -> Iterator[test_case_pb2.TestCase]:
        """Take an event in, and yield the tests that were not known to have failed."""
        if event.HasField("run"):
            self.run = event.run
        for case in event.test_cases:
            before = self._outcomes.get(case.name, 0)
            self._outcomes[case.name] = case.outcome
            if case.disposition == test_result_pb2.DISPOSITION_RUNNING:
                self.current = case.test_id
            if case.outcome == before:
                continue
            self._move(before, case.outcome)
            if case.outcome in _BAD and before not in _BAD:
                self.failures.append(case)
                yield case

    def _move(self, before: int, after: int) -> None:
        if before:
            self._by_outcome[before] -= 1
        if after:
            self._by_outcome[after] += 1
