"""What a log can prove, and what its verification found."""

import enum
from dataclasses import dataclass

from maestro_services.audit.domain.event import Event
from maestro_services.audit.domain.log import LogState


@dataclass(frozen=True)
class SignedLog:
    """A log, and the size and root that it committed to in its last checkpoint."""

    state: LogState
    size: int
    root: bytes


@dataclass(frozen=True)
class Inclusion:
    """The proof that a leaf is in the tree of `size`, and the log with its newest checkpoint."""

    leaf: bytes
    log_index: int
    size: int
    hashes: list[bytes]
    log: SignedLog


@dataclass(frozen=True)
class Consistency:
    """The proof that the tree of `second` begins with that of `first`, and the log with its newest checkpoint."""

    first: int
    second: int
    hashes: list[bytes]
    log: SignedLog


class StepKind(enum.IntEnum):
    """What a verification checks, with the contract's numbers."""

    LEAF = 1
    INDEX = 2
    LEAF_HASH = 3
    INCLUSION = 4
    CHECKPOINT = 5


@dataclass(frozen=True)
class Step:
    """What a check found."""

    kind: StepKind
    passed: bool
    detail: str


@dataclass(frozen=True)
class Verification:
    """What the checks found together; parts that could not be read or made are None."""

    steps: list[Step]
    event: Event | None
    inclusion: Inclusion | None

    @property
    def verified(self) -> bool:
        """Whether every step passed."""
        return all(step.passed for step in self.steps)
