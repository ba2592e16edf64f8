"""Runs, their actions and leases, and the tests they found."""

from dataclasses import dataclass
from datetime import datetime

from maestro_services.execution.domain.counts import TestCounts
from maestro_services.execution.domain.states import ActionState, Cause, Disposition, Outcome, RunState, Verdict


@dataclass(frozen=True)
class Creator:
    """Who created a run, as the audit log names them."""

    kind: int = 0
    subject: str = ""
    display_name: str = ""


@dataclass(frozen=True)
class NewRun:
    """A run that is about to be queued; `spec` is the encoded contract message, which nothing here looks into."""

    project: str
    run_id: str
    uid: str
    spec: bytes
    display_name: str
    labels: dict[str, str]
    creator: Creator
    max_attempts: int
    # Whether it runs a test suite, which must have tests, or a command.
    suite: bool
    create_time: datetime


@dataclass(frozen=True)
class Run(NewRun):
    """A run as it is stored. `key` is its number in the database, `change_sequence` the commit that changed it last."""

    key: int
    state: RunState
    verdict: Verdict
    cause: Cause
    status_message: str
    counts: TestCounts
    output_files: bytes
    change_sequence: int
    update_time: datetime
    start_time: datetime | None
    end_time: datetime | None

    @property
    def name(self) -> str:
        """The resource name."""
        return f"projects/{self.project}/runs/{self.run_id}"

    @property
    def topic(self) -> str:
        """The outbox topic on which every commit to the run is announced."""
        return self.name


@dataclass(frozen=True)
class Action:
    """One attempt of one worker at a run."""

    key: int
    run_key: int
    run_name: str
    action_id: str
    uid: str
    attempt_number: int
    worker_id: str
    state: ActionState
    verdict: Verdict
    cause: Cause
    status_message: str
    # The encoded ActionExecution of the contract.
    execution: bytes
    create_time: datetime
    update_time: datetime
    start_time: datetime | None
    end_time: datetime | None
    shard_number: int = 1
    total_shard_count: int = 1
    run_number: int = 1

    @property
    def name(self) -> str:
        """The resource name."""
        return f"{self.run_name}/actions/{self.action_id}"


@dataclass(frozen=True)
class LeasedAction:
    """Work given to a worker under a lease."""

    lease: str
    project: str
    run_key: int
    run_id: str
    action_name: str
    spec: bytes
    attempt_number: int


@dataclass(frozen=True)
class HeldLease:
    """A lease of a worker: how far its events are committed, and whether the work goes on and is to be cancelled."""

    lease: str
    acknowledged: int
    running: bool
    cancelling: bool


@dataclass(frozen=True)
class Attempt:
    """An attempt at a test that was cut short."""

    attempt_number: int
    cause: Cause
    start_time_us: int


@dataclass(frozen=True)
class TestCase:
    """A test in a run. Times are microseconds since 1970, durations nanoseconds, as they are stored."""

    __test__ = False

    run_name: str
    test_key: str
    position: int
    change_sequence: int
    test_id: str
    suite_path: tuple[str, ...]
    case_name: str
    parameters: str
    file: str
    line: int
    disposition: Disposition
    outcome: Outcome
    cause: Cause
    reason: str
    # Encoded contract messages of what went wrong; empty for most tests.
    failures: bytes
    start_time_us: int
    duration_ns: int
    order_index: int
    attempt_number: int
    stdout_bytes: int
    stderr_bytes: int
    earlier_attempts: tuple[Attempt, ...] = ()

    @property
    def name(self) -> str:
        """The resource name."""
        return f"{self.run_name}/testCases/{self.test_key}"
