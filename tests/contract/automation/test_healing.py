"""HealRun, and what becomes of repairs."""

import asyncio
import json
import uuid

import pytest
from google.protobuf.duration_pb2 import Duration
from maestro.automation.v1 import automation_service_pb2 as pb
from maestro.automation.v1 import repair_pb2
from maestro_client.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound

from tests.contract.automation.conftest import FAILING, FILES, GREEN, SHOP, edit, healed, reason, state
from tests.contract.automation.fake_execution import Script, search_result


async def test_a_failed_run_gets_a_proved_patch(maestro, execution, failed_run):
    repair = await healed(maestro, failed_run)
    assert state(repair) == "AWAITING_APPROVAL"
    assert repair.patch.unified_diff == (
        "--- a/shop.py\n+++ b/shop.py\n@@ -1,2 +1,2 @@\n def total(a, b):\n"
        "-    return a - b  # the sum\n+    return a + b  # the sum\n"
    )
    assert [state(repair_pb2.Repair(state=one.state)) for one in repair.history] == [
        "DETECTED",
        "DIAGNOSING",
        "PROPOSING",
        "VALIDATING",
        "AWAITING_APPROVAL",
    ]
    assert [run.purpose for run in repair.evidence] == [1, 2, 3, 4, 5]
    assert execution.blobs[repair.patch.files[0].new_digest.sha256] == SHOP.replace("a - b", "a + b").encode()
    assert repair.usage.validation_run_count == 3


async def test_validation_runs_have_the_patched_tree_and_nothing_of_the_search(maestro, execution, failed_run):
    await healed(maestro, failed_run)
    (run,) = execution.of("whole_suite")
    files = execution.files(run)
    assert files == {name: text.encode() for name, text in FILES.items()} | {
        "shop.py": SHOP.replace("a - b", "a + b").encode()
    }


async def test_the_search_runs_beside_the_project_and_keeps_its_result(maestro, execution, failed_run):
    await healed(maestro, failed_run)
    (run,) = execution.of("search")
    files = execution.files(run)
    assert files["shop.py"] == SHOP.encode()
    assert json.loads(files[".maestro/search.json"])["failing"] == ["test_a"]
    assert list(run.spec.output_paths) == [".maestro/result.json"]
    assert run.spec.command.arguments[0] == "{python}"


async def test_only_the_named_failures_are_repaired(maestro, execution):
    failing = {"test_a": "FAIL", "test_b": "FAIL"}
    run = execution.add(Script(failing), execution.put_tree(FILES))
    execution.scripts["reproduction"] = lambda _: Script(failing)
    execution.scripts["whole_suite"] = execution.scripts["repeat"] = lambda _: Script(failing | {"test_a": "PASS"})
    repair = await healed(maestro, run, test_ids=["test_a"])
    assert [test.test_id for test in repair.failing_tests] == ["test_a"]
    assert state(repair) == "AWAITING_APPROVAL"


async def test_the_same_request_makes_one_repair(maestro, failed_run):
    request = pb.HealRunRequest(name=failed_run.name, request_id=str(uuid.uuid4()))
    first = await maestro.automation.heal_run(request)
    second = await maestro.automation.heal_run(request)
    assert first == second
    request.test_ids.append("test_a")
    with pytest.raises(AlreadyExists) as error:
        await maestro.automation.heal_run(request)
    assert error.value.reason == "REQUEST_ID_REUSED"


async def test_a_repair_that_stands_is_answered_again(maestro, failed_run):
    first = await healed(maestro, failed_run)
    again = await maestro.automation.heal_run(pb.HealRunRequest(name=failed_run.name))
    assert again.repair.name == first.name


async def test_after_a_refusal_a_new_repair_is_made(maestro, execution, failed_run):
    execution.scripts["reproduction"] = lambda _: Script(GREEN)
    first = await healed(maestro, failed_run)
    assert reason(first) == "NOT_REPRODUCED"
    again = await maestro.automation.heal_run(pb.HealRunRequest(name=failed_run.name))
    assert again.repair.name != first.name


async def test_validate_only_makes_nothing(maestro, failed_run):
    response = await maestro.automation.heal_run(pb.HealRunRequest(name=failed_run.name, validate_only=True))
    assert [test.test_id for test in response.repair.failing_tests] == ["test_a"]
    with pytest.raises(NotFound):
        await maestro.automation.get_repair(pb.GetRepairRequest(name=response.repair.name))


async def test_an_unknown_run_is_not_found(maestro):
    with pytest.raises(NotFound) as error:
        await maestro.automation.heal_run(pb.HealRunRequest(name="projects/local/runs/none"))
    assert error.value.metadata["name"] == "projects/local/runs/none"


async def test_a_malformed_name_is_refused(maestro):
    with pytest.raises(InvalidArgument) as error:
        await maestro.automation.heal_run(pb.HealRunRequest(name="runs/none"))
    assert error.value.reason == "FIELD_INVALID"


async def test_a_green_run_has_nothing_to_repair(maestro, execution):
    run = execution.add(Script(GREEN), execution.put_tree(FILES))
    with pytest.raises(FailedPrecondition) as error:
        await maestro.automation.heal_run(pb.HealRunRequest(name=run.name))
    assert error.value.reason == "NOTHING_TO_REPAIR"
    assert error.value.metadata == {"run": run.name}


async def test_a_run_that_goes_on_is_not_healed_yet(maestro, execution):
    run = execution.add(Script(FAILING, hangs=True), execution.put_tree(FILES))
    with pytest.raises(FailedPrecondition) as error:
        await maestro.automation.heal_run(pb.HealRunRequest(name=run.name))
    assert error.value.reason == "STATE_INVALID"


REFUSALS = {
    "FLAKY": {"reproduction": Script({"test_a": "FAIL", "test_b": "PASS"})},
    "NOT_REPRODUCED": {"reproduction": Script(GREEN)},
    "RUN_UNUSABLE": {"search": Script(verdict="INFRA_FAILED")},
    "REAL_REGRESSION": {"search": Script(files=search_result(stop="exhausted"))},
    "BUDGET_EXHAUSTED": {"search": Script(files=search_result(stop="time"))},
    "OUT_OF_SCOPE": {"search": Script(files=search_result(stop="no-product-code", lines=[]))},
    "WOULD_WEAKEN_TEST": {"search": Script(files=search_result(edit(path="tests/test_shop.py")))},
    "VALIDATION_FAILED": {"whole_suite": Script(GREEN | {"test_c": "FAIL"})},
}


@pytest.mark.parametrize("expected", REFUSALS)
async def test_a_repair_is_refused_with_its_reason(maestro, execution, expected):
    failing = {"test_a": "FAIL", "test_b": "FAIL"} if expected == "FLAKY" else FAILING
    run = execution.add(Script(failing), execution.put_tree(FILES))
    for purpose, script in REFUSALS[expected].items():
        execution.scripts[purpose] = lambda _, script=script: script
    repair = await healed(maestro, run)
    assert (reason(repair), repair.HasField("patch")) == (expected, False)
    assert state(repair) == ("FAILED" if expected == "RUN_UNUSABLE" else "REFUSED")
    assert repair.outcome.message
    assert repair.HasField("end_time")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (Script(FAILING, verdict="INFRA_FAILED", cause="WORKER_LOST"), "INFRASTRUCTURE"),
        (Script(FAILING, test_cause="WORKER_LOST"), "INFRASTRUCTURE"),
        (Script({"test_a": "ERROR"}, phase="collect", test_cause="INPUT_ERROR"), "OUT_OF_SCOPE"),
        (Script({}, verdict="INVALID", cause="INPUT_ERROR"), "OUT_OF_SCOPE"),
    ],
)
async def test_what_is_not_a_defect_of_code_is_refused_before_anything_runs(maestro, execution, script, expected):
    run = execution.add(script, execution.put_tree(FILES))
    repair = await healed(maestro, run)
    assert (reason(repair), len(repair.evidence)) == (expected, 0)
    assert len(execution.runs) == 1


async def test_an_edit_that_does_not_fit_its_file_is_passed_over(maestro, execution, failed_run):
    wrong = edit(before="x - y")
    execution.scripts["search"] = lambda _: Script(files=search_result(wrong, edit(after="a +"), edit()))
    repair = await healed(maestro, failed_run)
    assert (state(repair), repair.patch.edits[0].after) == ("AWAITING_APPROVAL", "a + b")


async def test_a_candidate_that_skips_tests_is_not_accepted(maestro, execution, failed_run):
    execution.scripts["whole_suite"] = lambda _: Script({"test_a": "PASS", "test_b": "SKIP", "test_c": "PASS"})
    repair = await healed(maestro, failed_run)
    assert reason(repair) == "VALIDATION_FAILED"
    assert "skipped" in repair.evidence[-1].summary


async def test_a_candidate_that_fails_the_second_time_is_not_accepted(maestro, execution, failed_run):
    execution.scripts["repeat"] = lambda _: Script(GREEN | {"test_b": "FAIL"})
    repair = await healed(maestro, failed_run)
    assert reason(repair) == "VALIDATION_FAILED"
    assert repair.evidence[-1].summary == "test_b fails, which passed before"


async def test_the_second_candidate_is_tried_when_the_first_breaks_something(maestro, execution, failed_run):
    other = edit(after="b + a")
    execution.scripts["search"] = lambda _: Script(files=search_result(edit(after="abs(a) + b"), other))
    execution.scripts["whole_suite"] = lambda run: Script(
        GREEN if b"b + a" in execution.files(run)["shop.py"] else GREEN | {"test_b": "FAIL"}
    )
    repair = await healed(maestro, failed_run)
    assert repair.patch.edits[0].after == "b + a"
    assert repair.usage.validated_candidate_count == 2


async def test_validation_ends_with_its_budget(maestro, execution, failed_run):
    execution.scripts["search"] = lambda _: Script(files=search_result(edit(after="a"), edit(after="b"), edit()))
    execution.scripts["failing_tests"] = lambda _: Script({"test_a": "FAIL"})
    repair = await healed(maestro, failed_run, budget=repair_pb2.RepairBudget(validation_run_count=2))
    assert reason(repair) == "BUDGET_EXHAUSTED"
    assert repair.usage.validation_run_count == 2


async def test_time_is_up_and_the_run_waited_for_is_cancelled(maestro, execution, failed_run):
    execution.scripts["reproduction"] = lambda _: Script(FAILING, hangs=True)
    budget = repair_pb2.RepairBudget(wall_time=Duration(nanos=300_000_000))
    repair = await healed(maestro, failed_run, budget=budget)
    assert reason(repair) == "BUDGET_EXHAUSTED"
    await asyncio.wait_for(execution.cancellation.wait(), 5)


async def test_a_step_that_fails_for_a_moment_is_taken_again(maestro, execution, failed_run):
    execution.unavailable = 2
    assert state(await healed(maestro, failed_run)) == "AWAITING_APPROVAL"


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"stop": 1, "candidates": 3}', b"\xff"])
async def test_a_result_that_cannot_be_read_fails_the_repair(maestro, execution, failed_run, data):
    execution.scripts["search"] = lambda _: Script(files={".maestro/result.json": data})
    assert reason(await healed(maestro, failed_run)) == "RUN_UNUSABLE"


@pytest.mark.parametrize("path", ["../shop.py", "/etc/passwd", "conftest.py", "tests/helpers.py", "shop_test.py"])
async def test_no_patch_touches_tests_or_leaves_the_tree(maestro, execution, failed_run, path):
    execution.scripts["search"] = lambda _: Script(files=search_result(edit(path=path)))
    repair = await healed(maestro, failed_run)
    assert (state(repair), repair.HasField("patch")) == ("REFUSED", False)
    assert not execution.of("whole_suite")
