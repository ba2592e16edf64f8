"""Every event survives its leaf, and every leaf is written in one way only."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from maestro_services.audit.domain.event import Actor, ActorKind, Draft, Outcome, Phase, Source, leaf_of, read_leaf

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
TIME = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ACTOR = st.builds(Actor, st.sampled_from(ActorKind), TEXT, TEXT)
DRAFTS = st.builds(
    Draft,
    id=st.text("0123456789abcdefghijklmnopqrstuv", min_size=20, max_size=20),
    project=st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True),
    kind=st.just("a.b"),
    actor=ACTOR,
    service=TEXT,
    method=TEXT,
    target=TEXT,
    outcome=st.none() | st.builds(Outcome, st.integers(0, 16), TEXT),
    phase=st.sampled_from(Phase),
    operation_id=TEXT,
    request_id=TEXT,
    trace_id=TEXT,
    attributes=st.dictionaries(st.from_regex(r"[a-z][a-z0-9_./-]{0,10}", fullmatch=True), TEXT, max_size=5),
    event_time=st.none() | TIME,
    source=st.none() | st.builds(Source, TEXT, st.integers(0, 2**53), st.integers(1, 2**53)),
    reporter=st.none() | ACTOR,
)


@given(DRAFTS, TIME, st.integers(0, 2**40))
def test_an_event_is_read_from_its_leaf_as_it_was_told(draft: Draft, create_time: datetime, index: int) -> None:
    event = read_leaf(leaf_of(draft, create_time), index)
    assert (event.draft, event.create_time, event.log_index) == (draft, create_time, index)


@given(DRAFTS, TIME)
def test_a_leaf_is_minimal_json_with_sorted_keys(draft: Draft, create_time: datetime) -> None:
    leaf = leaf_of(draft, create_time)
    members = json.loads(leaf)
    assert json.dumps(members, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode() == leaf
    assert "" not in members.values()
