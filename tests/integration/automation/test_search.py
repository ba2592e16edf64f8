"""The search on small programs, run as a worker runs it.

The whole corpus, with figures: `python -m tests.integration.automation.searching`.
"""

from pathlib import Path

import pytest

from tests.integration.automation.corpus import BUGS, Bug
from tests.integration.automation.searching import search

CHOSEN = ("factorial", "flatten", "default_list", "parity_bits")


@pytest.mark.parametrize("bug", [bug for bug in BUGS if bug.name in CHOSEN], ids=lambda bug: bug.name)
def test_a_planted_defect_is_found(tmp_path: Path, bug: Bug):
    found = search(tmp_path, bug, plausible_count=1)
    assert found.rank(bug.correct) == 1, found.result


def test_what_fails_no_more_is_not_searched(tmp_path: Path):
    bug = next(bug for bug in BUGS if bug.name == "clamp")
    found = search(tmp_path, bug, failing=["test_clamp.py::test_1"])
    assert (found.result["stop"], found.result["not_reproduced"]) == ("not-reproduced", ["test_clamp.py::test_1"])


def test_the_number_of_candidates_is_kept_and_the_same_search_tries_the_same(tmp_path: Path):
    bug = next(bug for bug in BUGS if bug.name == "free_shipping")
    results = [search(tmp_path / str(number), bug, candidate_count=15).result for number in range(2)]
    assert results[0]["stop"] == "candidates"
    assert results[0]["tried_count"] == results[1]["tried_count"] == 15
    assert results[0]["candidates"] == results[1]["candidates"]
    assert results[0]["lines"] == results[1]["lines"]
