"""Whatever is done to a repair, in whatever order, its promises hold."""

import dataclasses

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from maestro_services.automation import documents
from maestro_services.automation.domain.repair import ENDS, EvidenceRun, Purpose, Refusal, Repair, State
from maestro_services.runtime.errors import Reason, ServiceError

from tests.unit.automation.test_repair import NOW, PATCH, a_repair


class RepairMachine(RuleBasedStateMachine):
    """A repair under arbitrary verbs."""

    def __init__(self) -> None:
        super().__init__()
        self.repair = a_repair()
        self.versions = [self.repair]
        self.refusals: set[Reason] = set()

    def keep(self, repair: Repair) -> None:
        if repair is not self.repair:
            assert repair.revision == self.repair.revision + 1
            assert repair.history[: len(self.repair.history)] == self.repair.history
            assert self.repair.state not in ENDS
        self.repair = repair
        self.versions.append(repair)

    def attempt(self, verb) -> None:
        try:
            following = verb(self.repair)
        except ServiceError as error:
            self.refusals.add(error.reason)
            return
        self.keep(following)

    @rule(state=st.sampled_from(State))
    def moves(self, state: State) -> None:
        patch = {"patch": PATCH} if state is State.AWAITING_APPROVAL else {}
        if state is not State.APPLIED:
            self.attempt(lambda repair: repair.moved(state, "on", NOW, **patch))

    @rule(reason=st.sampled_from(Refusal))
    def ends(self, reason: Refusal) -> None:
        self.attempt(lambda repair: repair.ended(reason, "why", NOW))

    @rule(message=st.text(max_size=5))
    def is_cancelled(self, message: str) -> None:
        self.attempt(lambda repair: repair.cancelled(message, NOW))

    @rule(sha256=st.sampled_from([PATCH.sha256, "0" * 64]))
    def is_applied(self, sha256: str) -> None:
        self.attempt(lambda repair: repair.applied(sha256, NOW))

    @rule(number=st.integers(1, 9), purpose=st.sampled_from(Purpose))
    def waits(self, number: int, purpose: Purpose) -> None:
        if self.repair.state not in ENDS:
            self.keep(self.repair.waits_for(EvidenceRun(f"runs/{number}", purpose), NOW))

    @invariant()
    def an_end_has_its_time_and_reason(self) -> None:
        repair = self.repair
        assert (repair.end_time is not None) == (repair.state in ENDS)
        refused = repair.state in (State.REFUSED, State.FAILED, State.CANCELLED)
        assert (repair.outcome is not None) == refused

    @invariant()
    def only_a_proved_patch_is_applied(self) -> None:
        if self.repair.state in (State.AWAITING_APPROVAL, State.APPLIED):
            assert self.repair.patch is not None
        if self.repair.state is State.APPLIED:
            assert State.AWAITING_APPROVAL in [one.state for one in self.repair.history]

    @invariant()
    def the_history_ends_with_the_state(self) -> None:
        assert self.repair.history[-1].state is self.repair.state
        order = [one.state for one in self.repair.history]
        assert order == sorted(order)

    @invariant()
    def refusals_have_documented_reasons(self) -> None:
        assert self.refusals <= {Reason.STATE_INVALID, Reason.PATCH_MISMATCH}

    @invariant()
    def storage_keeps_it(self) -> None:
        assert documents.parse(Repair, documents.dump(self.repair)) == self.repair

    @invariant()
    def versions_are_never_changed(self) -> None:
        assert self.versions[0] == a_repair()
        assert all(dataclasses.is_dataclass(version) for version in self.versions)


TestRepairMachine = RepairMachine.TestCase
TestRepairMachine.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)
