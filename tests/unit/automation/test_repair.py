"""The life of a repair."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from maestro_services.automation.domain.diagnosis import Cause, FailingTest, fingerprint, job_key
from maestro_services.automation.domain.patch import Edit, make_patch
from maestro_services.automation.domain.repair import (
    Budget,
    Creator,
    EvidenceRun,
    Purpose,
    Refusal,
    Repair,
    State,
    Trigger,
    confidence,
)
from maestro_services.runtime.errors import Reason, ServiceError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEST = FailingTest("projects/p/runs/r/testCases/t", "test_a", Cause.ASSERTION)
EDIT = Edit("shop.py", 4, 9, "a - b", "a + b", 1, 5, "total", "arithmetic-operator", True, 0.77, 3)
PATCH = make_patch(b"x = a - b\n", EDIT)


def a_repair() -> Repair:
    return Repair(
        name="projects/p/repairs/x",
        uid="u",
        display_name="a run",
        run="projects/p/runs/r",
        job_key="k",
        failing_tests=(TEST,),
        failing_test_count=1,
        trigger=Trigger.REQUEST,
        budget=Budget(),
        creator=Creator(1, "ada"),
        create_time=NOW,
        update_time=NOW,
    ).detected("it failed")


def waiting() -> Repair:
    repair = a_repair()
    for state in (State.DIAGNOSING, State.PROPOSING, State.VALIDATING):
        repair = repair.moved(state, "on", NOW)
    return repair.moved(State.AWAITING_APPROVAL, "proved", NOW, patch=PATCH)


def test_a_repair_moves_one_state_at_a_time_and_keeps_its_history():
    assert [one.state for one in waiting().history] == [1, 2, 3, 4, 5]
    with pytest.raises(ServiceError) as error:
        a_repair().moved(State.VALIDATING, "too fast", NOW)
    assert error.value.reason is Reason.STATE_INVALID


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (Refusal.FLAKY, State.REFUSED),
        (Refusal.RUN_UNUSABLE, State.FAILED),
        (Refusal.ATTEMPTS_EXHAUSTED, State.FAILED),
        (Refusal.CANCELLED, State.CANCELLED),
    ],
)
def test_the_reason_decides_how_a_repair_ends(reason: Refusal, state: State):
    ended = a_repair().ended(reason, "why", NOW)
    assert (ended.state, ended.end_time) == (state, NOW)
    with pytest.raises(ServiceError):
        ended.ended(reason, "again", NOW)


def test_cancelling_a_patch_rejects_it():
    assert waiting().cancelled("", NOW).outcome.reason is Refusal.REJECTED
    assert a_repair().cancelled("", NOW).outcome.reason is Refusal.CANCELLED


def test_an_application_counts_once_and_for_its_patch_only():
    applied = waiting().applied(PATCH.sha256, NOW)
    assert applied.state is State.APPLIED
    assert applied.applied(PATCH.sha256, NOW + timedelta(1)) is applied
    with pytest.raises(ServiceError) as error:
        waiting().applied("0" * 64, NOW)
    assert error.value.reason is Reason.PATCH_MISMATCH


def test_evidence_is_completed_not_replaced():
    repair = a_repair().waits_for(EvidenceRun("runs/1", Purpose.REPRODUCTION), NOW)
    assert repair.work.pending_run == "runs/1"
    (run,) = repair.learned("runs/1", 3, "it failed again", accepted=True)
    assert (run.verdict, run.accepted, run.purpose) == (3, True, Purpose.REPRODUCTION)


def test_rivals_additions_and_missing_tests_lower_the_confidence():
    repair = a_repair()
    alone = confidence(repair, EDIT, [EDIT])
    rival = dataclasses.replace(EDIT, after="a * b")
    assert confidence(repair, EDIT, [EDIT, rival]) < alone
    assert confidence(repair, dataclasses.replace(EDIT, safe=False), []) < alone
    assert confidence(repair, dataclasses.replace(EDIT, case_count=1), []) < alone
    assert 0 < alone < 1


def test_the_job_is_the_run_its_failures_and_how_they_fail():
    assert job_key("r", [TEST]) == job_key("r", [TEST])
    assert job_key("r", [TEST]) != job_key("s", [TEST])
    assert job_key("r", [TEST]) != job_key("r", [dataclasses.replace(TEST, fingerprint="f")])


def test_a_fingerprint_leaves_out_what_changes_from_run_to_run():
    first = fingerprint("E", "a.py", 3, "<object at 0x7f01> in /tmp/x1/y after 0.31s\nmore")
    assert first == fingerprint("E", "a.py", 3, "<object at 0x7f99> in /tmp/z/y after 1.20s\nelse")
    assert first != fingerprint("E", "a.py", 4, "<object at 0x7f99> in /tmp/z/y after 1.20s")
