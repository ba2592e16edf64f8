"""Failed runs, from the failure to the proved patch or the refusal, with everything real."""

import asyncio
import subprocess

from maestro.automation.v1 import repair_pb2
from maestro.common.v1 import test_result_pb2

from tests.integration.automation.projects import CART, CART_TESTS, Project, reason, state


async def test_a_planted_defect_is_found_proved_and_offered(project: Project):
    project.write(cart=CART.replace("price * count for", "price + count for"), test_cart=CART_TESTS)
    run = await project.run()
    repair = await project.heal(run)
    assert (state(repair), repair.outcome.message) == ("AWAITING_APPROVAL", "")
    assert [edit.before for edit in repair.patch.edits] == ["price + count"]
    assert (
        "+        return sum(price * count for _, price, count in self.lines)  # in cents" in repair.patch.unified_diff
    )
    assert 0 < repair.confidence <= 1
    assert repair.diagnosis.suspicious_lines[0].path == "cart.py"
    purposes = [repair_pb2.EvidenceRun.Purpose.Name(one.purpose) for one in repair.evidence]
    assert [name.removeprefix("PURPOSE_") for name in purposes] == [
        "REPRODUCTION",
        "SEARCH",
        "FAILING_TESTS",
        "WHOLE_SUITE",
        "REPEAT",
    ]
    assert all(one.accepted for one in repair.evidence)
    assert [one.verdict for one in repair.evidence][-2:] == [test_result_pb2.VERDICT_PASSED] * 2


async def test_the_diff_applies_with_git(project: Project):
    project.write(cart=CART.replace("count <= 0", "count < 0"), test_cart=CART_TESTS)
    repair = await project.heal(await project.run())
    diff = repair.patch.unified_diff.encode()
    git = await asyncio.create_subprocess_exec("git", "apply", cwd=project.folder, stdin=subprocess.PIPE)
    await git.communicate(diff)
    assert git.returncode == 0
    assert (await project.run()).verdict == test_result_pb2.VERDICT_PASSED


async def test_an_assertion_that_no_edit_restores_is_a_real_regression(project: Project):
    project.write(cart=CART, test_cart=CART_TESTS + "\n\ndef test_names():\n    assert cheapest.__doc__ == 'It'\n")
    repair = await project.heal(await project.run())
    assert (state(repair), reason(repair)) == ("REFUSED", "OUT_OF_SCOPE")
