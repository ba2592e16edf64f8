"""The states, verdicts and outcomes of execution, with the contract's numbers, and the moves between them."""

import enum


class RunState(enum.IntEnum):
    """Where a run is in its life."""

    QUEUED = 1
    RUNNING = 2
    CANCELLING = 3
    FINALIZED = 4

    def may_become(self, target: "RunState") -> bool:
        """Whether a verb may move a run from this state to `target`."""
        return target in _RUN_MOVES[self]


_RUN_MOVES = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.FINALIZED}),
    RunState.RUNNING: frozenset({RunState.CANCELLING, RunState.FINALIZED}),
    RunState.CANCELLING: frozenset({RunState.FINALIZED}),
    RunState.FINALIZED: frozenset[RunState](),
}


class ActionState(enum.IntEnum):
    """Where an action is in its life."""

    QUEUED = 1
    RUNNING = 2
    FINALIZED = 3


class Verdict(enum.IntEnum):
    """What an ended run or action amounts to."""

    UNSPECIFIED = 0
    PASSED = 1
    FLAKY = 2
    FAILED = 3
    TIMED_OUT = 4
    CANCELLED = 5
    INFRA_FAILED = 6
    INCOMPLETE = 7
    SKIPPED = 8
    INVALID = 9


class Cause(enum.IntEnum):
    """Why a run, action or test did not pass."""

    UNSPECIFIED = 0
    ASSERTION = 1
    EXCEPTION = 2
    EXIT_CODE = 3
    SIGNAL = 4
    OUT_OF_MEMORY = 5
    DEADLINE = 6
    CANCELLED = 7
    SUPERSEDED = 8
    WORKER_LOST = 9
    PROVISIONING = 10
    QUOTA = 11
    INPUT_ERROR = 12
    NO_TESTS = 13
    INTERNAL = 14


class Disposition(enum.IntEnum):
    """Did the test case run?"""

    UNSPECIFIED = 0
    COMPLETED = 1
    INTERRUPTED = 2
    NOT_STARTED = 3
    RUNNING = 4
    SKIPPED = 5


class Outcome(enum.IntEnum):
    """How a test case ended."""

    UNSPECIFIED = 0
    PASS = 1
    FAIL = 2
    ERROR = 3
    SKIP = 4
    XFAIL = 5
    XPASS = 6


class LogStream(enum.IntEnum):
    """Which of a process's outputs."""

    BOTH = 0
    STDOUT = 1
    STDERR = 2


# The dispositions of a test that has its result.
ENDED = frozenset({Disposition.COMPLETED, Disposition.SKIPPED, Disposition.INTERRUPTED})
