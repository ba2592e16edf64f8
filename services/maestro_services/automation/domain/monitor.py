"""Monitors: whether a project's failed runs are repaired by themselves."""

import dataclasses
import enum
from dataclasses import dataclass, field
from datetime import datetime

from maestro_services.automation.domain.repair import Budget


class MonitorState(enum.IntEnum):
    """What a monitor does, with the contract's numbers."""

    STOPPED = 1
    FOLLOWING = 2
    RECONNECTING = 3


@dataclass(frozen=True)
class Monitor:
    """A project's monitor. Never changed in place."""

    project: str
    state: MonitorState = MonitorState.STOPPED
    budget: Budget = field(default_factory=Budget)
    resume_token: str = ""
    last_error: str = ""
    last_error_time: datetime | None = None
    seen_runs: int = 0
    failed_runs: int = 0
    repairs: int = 0
    start_time: datetime | None = None
    update_time: datetime | None = None

    @property
    def follows(self) -> bool:
        """Whether the project's runs are to be followed."""
        return self.state is not MonitorState.STOPPED

    def started(self, budget: Budget | None, now: datetime) -> "Monitor":
        """The monitor that follows; one that did before goes on from where it is."""
        chosen = budget or self.budget
        if self.follows:
            return dataclasses.replace(self, budget=chosen, update_time=now)
        return dataclasses.replace(
            self,
            state=MonitorState.FOLLOWING,
            budget=chosen,
            resume_token="",
            last_error="",
            last_error_time=None,
            start_time=now,
            update_time=now,
        )

    def stopped(self, now: datetime) -> "Monitor":
        """The monitor that watches nothing."""
        if not self.follows:
            return self
        return dataclasses.replace(self, state=MonitorState.STOPPED, update_time=now)

    def troubled(self, error: str, now: datetime) -> "Monitor":
        """The monitor that should follow and cannot."""
        return dataclasses.replace(
            self, state=MonitorState.RECONNECTING, last_error=error, last_error_time=now, update_time=now
        )

    def advanced(self, resume_token: str, now: datetime, *, seen: int, failed: int, repairs: int) -> "Monitor":
        """The monitor behind what it has seen."""
        return dataclasses.replace(
            self,
            state=MonitorState.FOLLOWING,
            resume_token=resume_token or self.resume_token,
            seen_runs=self.seen_runs + seen,
            failed_runs=self.failed_runs + failed,
            repairs=self.repairs + repairs,
            update_time=now,
        )
