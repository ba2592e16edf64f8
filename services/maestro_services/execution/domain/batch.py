"""A batch of a worker's events, folded to what it changes."""

from dataclasses import dataclass, field
from typing import NamedTuple

from maestro_services.execution.domain.states import Disposition, LogStream
from maestro_services.execution.domain.verdict import Decision

# The largest piece of output in one row; `ReadLog` relies on it to find the row that holds an offset.
CHUNK_BYTES = 64 * 1024


class Identity(NamedTuple):
    """What a test is, in the order of its columns."""

    test_key: str
    test_id: str
    suite_path: str
    case_name: str
    parameters: str
    file: str
    line: int


class Progress(NamedTuple):
    """How far a test is, in the order of its columns."""

    disposition: int
    outcome: int
    cause: int
    reason: str
    start_time_us: int
    duration_ns: int
    order_index: int


# Of a test that is selected and has not started; it never replaces what is known already.
COLLECTED = Progress(int(Disposition.NOT_STARTED), 0, 0, "", 0, 0, 0)


@dataclass(frozen=True)
class Output:
    """Bytes that were printed, by a test or (with `test_key` "") outside tests; at most CHUNK_BYTES."""

    test_key: str
    stream: LogStream
    data: bytes


@dataclass(frozen=True)
class Finish:
    """How the worker says the action ended. `output_files` is encoded."""

    proposal: Decision
    output_files: bytes


@dataclass
class Batch:
    """The sum of consecutive events of one lease: for each test its last progress, and all output in order."""

    first_sequence: int
    event_count: int
    identities: dict[str, Identity] = field(default_factory=dict)
    progress: dict[str, Progress] = field(default_factory=dict)
    failures: dict[str, bytes] = field(default_factory=dict)
    output: list[Output] = field(default_factory=list)
    # Encoded ActionExecution; appending it to what is stored merges both.
    execution: bytes = b""
    finish: Finish | None = None

    @property
    def last_sequence(self) -> int:
        """The sequence number of the last event."""
        return self.first_sequence + self.event_count - 1
