"""Failures, and what is found out about them."""

import enum
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

_VOLATILE = re.compile(r"0x[0-9a-fA-F]+|/tmp/\S+|\b\d{4}-\d\d-\d\d[T ][\d:.]+|\d+\.\d+s\b")


class Cause(enum.IntEnum):
    """Why a test or run did not pass, with the contract's numbers."""

    UNKNOWN = 0
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


INFRASTRUCTURE = frozenset({Cause.WORKER_LOST, Cause.PROVISIONING, Cause.QUOTA, Cause.INTERNAL})


class Classification(enum.IntEnum):
    """What kind of failure it is, with the contract's numbers."""

    UNKNOWN = 0
    CODE_DEFECT = 1
    FLAKY = 2
    NOT_REPRODUCED = 3
    INFRASTRUCTURE = 4
    COLLECTION_ERROR = 5
    OUTSIDE_CODE = 6


@dataclass(frozen=True)
class FailingTest:
    """A test whose failure a repair is for."""

    test_case: str
    test_id: str
    cause: Cause = Cause.UNKNOWN
    exception_type: str = ""
    message: str = ""
    phase: str = ""
    fingerprint: str = ""


@dataclass(frozen=True)
class SuspiciousLine:
    """A line and how much the failing tests point at it, from 0 to 1."""

    path: str
    line: int
    function: str
    score: float


@dataclass(frozen=True)
class Diagnosis:
    """What was found out before anything was proposed."""

    classification: Classification
    summary: str
    lines: tuple[SuspiciousLine, ...] = ()
    failing_count: int = 0
    passing_count: int = 0


def fingerprint(exception_type: str, file: str, line: int, message: str) -> str:
    """A hash over what is stable of a failure: addresses, times and temporary paths are left out."""
    stable = _VOLATILE.sub("…", message.split("\n", 1)[0])
    return hashlib.sha256("\0".join((exception_type, file, str(line), stable)).encode()).hexdigest()[:32]


def job_key(run: str, tests: Iterable[FailingTest]) -> str:
    """The identity of a repair's task: the run, its failing tests, and how they fail."""
    parts = sorted(f"{test.test_id}\0{test.fingerprint}" for test in tests)
    return hashlib.sha256("\n".join((run, *parts)).encode()).hexdigest()
