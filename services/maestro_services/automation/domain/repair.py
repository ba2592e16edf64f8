"""Repairs: their states, and the changes that lead from one to the next."""

import dataclasses
import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from maestro_services.automation.domain.diagnosis import Diagnosis, FailingTest
from maestro_services.automation.domain.patch import Edit, Patch
from maestro_services.runtime.errors import Reason, ServiceError, wrong_state


class State(enum.IntEnum):
    """Where a repair is in its life, with the contract's numbers."""

    DETECTED = 1
    DIAGNOSING = 2
    PROPOSING = 3
    VALIDATING = 4
    AWAITING_APPROVAL = 5
    APPLIED = 6
    REFUSED = 7
    FAILED = 8
    CANCELLED = 9


ENDS = frozenset({State.APPLIED, State.REFUSED, State.FAILED, State.CANCELLED})
SETTLED = ENDS | {State.AWAITING_APPROVAL}
"""States in which automation has done what it can."""

_NEXT: dict[State, frozenset[State]] = {
    State.DETECTED: frozenset({State.DIAGNOSING}),
    State.DIAGNOSING: frozenset({State.PROPOSING}),
    State.PROPOSING: frozenset({State.VALIDATING}),
    State.VALIDATING: frozenset({State.AWAITING_APPROVAL}),
    State.AWAITING_APPROVAL: frozenset({State.APPLIED}),
}


class Trigger(enum.IntEnum):
    """What made a repair, with the contract's numbers."""

    MONITOR = 1
    REQUEST = 2


class Refusal(enum.IntEnum):
    """Why a repair ended without a patch or without its being applied, with the contract's numbers."""

    REAL_REGRESSION = 1
    NOT_REPRODUCED = 2
    NO_CANDIDATE = 3
    BUDGET_EXHAUSTED = 4
    WOULD_WEAKEN_TEST = 5
    OUT_OF_SCOPE = 6
    FLAKY = 7
    INFRASTRUCTURE = 8
    VALIDATION_FAILED = 9
    RUN_UNUSABLE = 10
    ATTEMPTS_EXHAUSTED = 11
    CANCELLED = 12
    REJECTED = 13


_FAILURES = frozenset({Refusal.RUN_UNUSABLE, Refusal.ATTEMPTS_EXHAUSTED})
_CANCELLATIONS = frozenset({Refusal.CANCELLED, Refusal.REJECTED})


class Purpose(enum.IntEnum):
    """What a run of a repair is to show, with the contract's numbers."""

    REPRODUCTION = 1
    SEARCH = 2
    FAILING_TESTS = 3
    WHOLE_SUITE = 4
    REPEAT = 5


@dataclass(frozen=True)
class Budget:
    """What a repair may use."""

    wall_time: timedelta = timedelta(minutes=10)
    search_time: timedelta = timedelta(seconds=60)
    candidate_count: int = 5000
    validation_run_count: int = 9


@dataclass(frozen=True)
class Usage:
    """What a repair has used."""

    search_time: timedelta = timedelta()
    generated_candidates: int = 0
    tried_candidates: int = 0
    plausible_candidates: int = 0
    validated_candidates: int = 0
    validation_runs: int = 0


@dataclass(frozen=True)
class Outcome:
    """Why a repair ended without a patch, with a sentence for people."""

    reason: Refusal
    message: str


@dataclass(frozen=True)
class EvidenceRun:
    """A run that a repair rests on. `verdict` is the contract's number, 0 while the run goes on."""

    run: str
    purpose: Purpose
    candidate_number: int = 0
    verdict: int = 0
    accepted: bool = False
    summary: str = ""


@dataclass(frozen=True)
class Transition:
    """A change of state."""

    state: State
    message: str
    time: datetime


@dataclass(frozen=True)
class Creator:
    """Who made a repair: the contract's kind of actor, and its subject."""

    kind: int
    subject: str
    display_name: str = ""


@dataclass(frozen=True)
class Work:
    """Where the work on a repair stands between two steps, so that any server can go on with it."""

    pending_run: str = ""
    candidates: tuple[Edit, ...] = ()
    candidate_number: int = 0
    failures_in_row: int = 0


@dataclass(frozen=True)
class Repair:
    """The work on one failed run. Never changed in place: every verb answers the next version."""

    name: str
    uid: str
    display_name: str
    run: str
    job_key: str
    failing_tests: tuple[FailingTest, ...]
    failing_test_count: int
    trigger: Trigger
    budget: Budget
    creator: Creator
    create_time: datetime
    update_time: datetime
    state: State = State.DETECTED
    start_time: datetime | None = None
    end_time: datetime | None = None
    outcome: Outcome | None = None
    usage: Usage = field(default_factory=Usage)
    diagnosis: Diagnosis | None = None
    patch: Patch | None = None
    confidence: float = 0.0
    evidence: tuple[EvidenceRun, ...] = ()
    history: tuple[Transition, ...] = ()
    revision: int = 1
    work: Work = field(default_factory=Work)

    @property
    def deadline(self) -> datetime | None:
        """When the budget of time is used up; None before the first step."""
        return None if self.start_time is None else self.start_time + self.budget.wall_time

    @property
    def test_ids(self) -> tuple[str, ...]:
        """The ids of the failing tests."""
        return tuple(test.test_id for test in self.failing_tests)

    def detected(self, message: str) -> "Repair":
        """The new repair with the first entry of its history."""
        return dataclasses.replace(self, history=(Transition(State.DETECTED, message, self.create_time),))

    def changed(self, now: datetime, **changes: object) -> "Repair":
        """The next version, without a change of state."""
        return dataclasses.replace(self, update_time=now, revision=self.revision + 1, **changes)  # type: ignore[arg-type]

    def moved(self, state: State, message: str, now: datetime, **changes: object) -> "Repair":
        """The next version in another state; STATE_INVALID if there is no way from this one."""
        if state not in _NEXT.get(self.state, ()):
            raise wrong_state(self.name, self.state.name, f"bring to {state.name}")
        return self._entered(state, message, now, **changes)

    def ended(self, reason: Refusal, message: str, now: datetime) -> "Repair":
        """The end without an applied patch: REFUSED, FAILED or CANCELLED, as the reason says."""
        state = State.FAILED if reason in _FAILURES else State.REFUSED
        state = State.CANCELLED if reason in _CANCELLATIONS else state
        if self.state in ENDS:
            raise wrong_state(self.name, self.state.name, f"bring to {state.name}")
        return self._entered(state, message, now, outcome=Outcome(reason, message))

    def cancelled(self, message: str, now: datetime) -> "Repair":
        """The end by somebody's will: a rejection if there is a patch to reject."""
        rejects = self.state is State.AWAITING_APPROVAL
        default = "the patch was rejected" if rejects else "the repair was cancelled"
        return self.ended(Refusal.REJECTED if rejects else Refusal.CANCELLED, message or default, now)

    def applied(self, patch_sha256: str, now: datetime) -> "Repair":
        """The repair whose patch is in the user's files; the same one if it was so already."""
        if self.patch is None or self.state not in (State.AWAITING_APPROVAL, State.APPLIED):
            raise wrong_state(self.name, self.state.name, "record the application of")
        if self.patch.sha256 != patch_sha256:
            message = f"the patch of {self.name} is another one; get the repair again"
            raise ServiceError(
                Reason.PATCH_MISMATCH, message, name=self.name, expected=self.patch.sha256, actual=patch_sha256
            )
        if self.state is State.APPLIED:
            return self
        return self.moved(State.APPLIED, "the patch was applied to the user's files", now)

    def waits_for(self, run: EvidenceRun, now: datetime) -> "Repair":
        """The repair with a run under way that its next step is about."""
        work = dataclasses.replace(self.work, pending_run=run.run)
        return self.changed(now, work=work, evidence=(*self.evidence, run))

    def learned(self, run: str, verdict: int, summary: str, *, accepted: bool) -> tuple[EvidenceRun, ...]:
        """The evidence with what a run showed."""
        return tuple(
            dataclasses.replace(one, verdict=verdict, accepted=accepted, summary=summary) if one.run == run else one
            for one in self.evidence
        )

    def _entered(self, state: State, message: str, now: datetime, **changes: object) -> "Repair":
        end_time = now if state in ENDS else None
        history = (*self.history, Transition(state, message, now))
        return self.changed(now, **{"state": state, "history": history, "end_time": end_time, **changes})


def confidence(repair: Repair, edit: Edit, plausible: Sequence[Edit]) -> float:
    """How likely the edit is what the authors mean, from 0 to 1. An estimate, not calibrated.

    It starts from 0.95 and falls with every other edit that passes as well, with an edit that removes or adds
    behaviour, and with one that no passing test executes: then nothing but the failing tests speaks for it.
    """
    rivals = sum(edit.priority / max(other.priority, edit.priority) for other in plausible if other is not edit)
    value = 0.95 / (1 + 0.25 * rivals)
    if not edit.safe:
        value *= 0.7
    if edit.case_count <= len(repair.failing_tests):
        value *= 0.6
    return round(value, 3)
