"""Failed runs, from the failure to the proved patch or the refusal, with everything real."""

import asyncio
import subprocess

from maestro.automation.v1 import repair_pb2
from maestro.common.v1 import test_result_pb2

from tests.integration.automation.projects import CART, CART_TESTS, Project, reason, state


async def test_a_planted_defect_is_found_proved_and_offered_as_a_diff_for_git(project: Project):
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
    git = await asyncio.create_subprocess_exec("git", "apply", cwd=project.folder, stdin=subprocess.PIPE)
    await git.communicate(repair.patch.unified_diff.encode())
    assert (project.folder / "cart.py").read_text() == CART


async def test_a_failure_in_which_no_product_code_runs_is_out_of_scope(project: Project):
    project.write(cart=CART, test_cart=CART_TESTS + "\n\ndef test_names():\n    assert cheapest.__doc__ == 'It'\n")
    repair = await project.heal(await project.run())
    assert (state(repair), reason(repair)) == ("REFUSED", "OUT_OF_SCOPE")
