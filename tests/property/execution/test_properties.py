"""What holds for every tree, every sequence of moves, every set of results."""

import posixpath

from hypothesis import given
from hypothesis import strategies as st
from maestro_services.execution.domain.counts import Tally, TestCounts
from maestro_services.execution.domain.states import ENDED, Cause, Disposition, Outcome, RunState, Verdict
from maestro_services.execution.domain.tree import BlobRef, Link, Listing, Node, TreeLimits, TreeWalk, check_listing
from maestro_services.execution.domain.verdict import Decision, Facts, decide
from maestro_services.runtime.errors import ServiceError

BLOB = BlobRef("0" * 64, 1)
NAMES = st.text(st.sampled_from("aAbB./\0é"), min_size=0, max_size=4)
TARGETS = st.lists(st.sampled_from(["..", ".", "a", "b", "", "c"]), min_size=1, max_size=6).map("/".join)


@given(st.lists(NAMES, max_size=5))
def test_an_accepted_directory_has_only_safe_distinct_sorted_names(names):
    try:
        check_listing(Listing(files=[Node(name, BLOB) for name in names]), "")
    except ServiceError:
        return
    assert all(name not in ("", ".", "..") and not {"/", "\0"} & set(name) for name in names)
    assert len({name.casefold() for name in names}) == len(names)
    assert names == sorted(names, key=str.encode)


@given(st.dictionaries(st.sampled_from("abc"), TARGETS, max_size=3), st.lists(st.sampled_from("abc"), max_size=5))
def test_no_path_through_the_links_of_an_accepted_tree_leaves_it(links, steps):
    walk = TreeWalk(TreeLimits())
    try:
        walk.visit("", Listing(links=[Link(name, links[name]) for name in sorted(links)]))
        walk.finish()
    except ServiceError:
        return
    for name in links:
        assert resolved(links, [name]) is not None


def resolved(links: dict[str, str], path: list[str]) -> list[str] | None:
    """Where the kernel would end up from the root; None if that is outside."""
    pending, at = path[::-1], []
    for _ in range(500):
        if not pending:
            break
        part = pending.pop()
        if part == "..":
            if not at:
                return None
            at.pop()
        elif part not in ("", "."):
            target = links.get(posixpath.join(*at, part))
            if target is None:
                at.append(part)
            else:
                pending += target.split("/")[::-1]
    return at


@given(st.lists(st.sampled_from(RunState), max_size=8))
def test_a_run_only_moves_forward_and_ends_once(targets):
    state, seen = RunState.QUEUED, [RunState.QUEUED]
    for target in targets:
        if state.may_become(target):
            state = target
            seen.append(state)
    assert seen == sorted(set(seen))
    assert not any(RunState.FINALIZED.may_become(target) for target in RunState)


ENDS = st.tuples(st.sampled_from([Disposition.COMPLETED, Disposition.SKIPPED]), st.sampled_from(Outcome)).filter(
    lambda end: end[1] is not Outcome.UNSPECIFIED
) | st.just((Disposition.INTERRUPTED, Outcome.ERROR))


@given(st.lists(ENDS, max_size=20), st.integers(0, 5))
def test_counts_add_up_and_can_be_taken_back(ends, missing):
    tally = Tally()
    tally.add("total", len(ends) + missing)
    tally.end_all(ends)
    counts = TestCounts().plus(tally)

    outcomes = (counts.passed, counts.failed, counts.errors, counts.skipped, counts.xfailed, counts.xpassed)
    assert sum(outcomes) == counts.completed + counts.interrupted
    assert counts.missing == missing
    back = Tally()
    back.end_all(ends, -1)
    assert counts.plus(back) == TestCounts(total=len(ends) + missing)


DECISIONS = st.builds(Decision, st.sampled_from(Verdict), st.sampled_from(Cause), st.text(max_size=5))


@given(DECISIONS, st.lists(ENDS, max_size=6), st.integers(0, 2), st.booleans(), st.booleans())
def test_every_verdict_is_explained_and_none_hides_a_failure(proposal, ends, missing, suite, cancelled):
    tally = Tally()
    tally.add("total", len(ends) + missing)
    tally.end_all(ends)
    counts = TestCounts().plus(tally)

    decision = decide(proposal, Facts(counts, suite=suite, cancelled=cancelled))

    good = decision.verdict in (Verdict.PASSED, Verdict.FLAKY, Verdict.SKIPPED)
    assert decision.verdict is not Verdict.UNSPECIFIED
    assert decision.message
    assert not (good and (counts.failing or counts.missing or counts.interrupted or cancelled))
    assert bool(decision.cause) is (decision.verdict not in (Verdict.PASSED, Verdict.SKIPPED))
    assert decide(decision, Facts(counts, suite=suite, cancelled=cancelled)) == decision


def test_an_ended_disposition_is_one_with_an_outcome():
    assert {Disposition.RUNNING, Disposition.NOT_STARTED, Disposition.UNSPECIFIED} == set(Disposition) - ENDED
