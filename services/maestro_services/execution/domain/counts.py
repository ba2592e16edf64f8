"""How many tests of a run ended how."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from maestro_services.execution.domain.states import ENDED, Disposition, Outcome

_FIELD_OF_OUTCOME = {
    Outcome.PASS: "passed",
    Outcome.FAIL: "failed",
    Outcome.ERROR: "errors",
    Outcome.SKIP: "skipped",
    Outcome.XFAIL: "xfailed",
    Outcome.XPASS: "xpassed",
}


@dataclass(frozen=True)
class TestCounts:
    """Counts as of one commit; the outcomes sum to `completed + interrupted`."""

    # Not a test class, whatever its name makes a collector believe.
    __test__ = False

    total: int = 0
    completed: int = 0
    interrupted: int = 0
    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    xfailed: int = 0
    xpassed: int = 0

    @property
    def missing(self) -> int:
        """Tests that are known and have no result."""
        return self.total - self.completed - self.interrupted

    @property
    def failing(self) -> int:
        """Tests that ran to their end and did not pass; an interrupted one is an error, but no verdict on the code."""
        return self.failed + self.errors - self.interrupted

    def plus(self, tally: "Tally") -> "TestCounts":
        """The counts after the changes of a tally."""
        return replace(self, **{name: getattr(self, name) + change for name, change in tally.changes.items()})


class Tally:
    """Collects how counts change while the events of a commit are folded."""

    def __init__(self) -> None:
        self.changes: dict[str, int] = {}

    def add(self, name: str, change: int) -> None:
        """Changes one count."""
        self.changes[name] = self.changes.get(name, 0) + change

    def end(self, disposition: int, outcome: int, change: int = 1) -> None:
        """Counts a test with this end, or takes it back with `change=-1`; one that has not ended counts nothing."""
        if disposition not in ENDED:
            return
        self.add("interrupted" if disposition == Disposition.INTERRUPTED else "completed", change)
        self.add(_FIELD_OF_OUTCOME[Outcome(outcome)], change)

    def end_all(self, ends: Iterable[tuple[int, int]], change: int = 1) -> None:
        """Counts many tests by their (disposition, outcome)."""
        for (disposition, outcome), count in Counter(ends).items():
            self.end(disposition, outcome, change * count)
