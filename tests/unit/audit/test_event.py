"""Leaves: canonical, small, and all that is kept of an event."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from maestro_services.audit.domain.event import (
    Actor,
    ActorKind,
    Draft,
    LeafError,
    Outcome,
    Source,
    event_id,
    leaf_of,
    read_leaf,
    same_content,
)

NOW = datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=UTC)
DRAFT = Draft(
    id=event_id("key", "1"),
    project="demo",
    kind="execution.run.create",
    actor=Actor(ActorKind.USER, "dora"),
    service="execution",
    method="maestro.execution.v1.ExecutionService/CreateRun",
    target="projects/demo",
    outcome=Outcome(0),
    request_id="4314587a2c30450888ae05a02dc976cb",
    event_time=NOW,
    reporter=Actor(ActorKind.SERVICE, "execution"),
)


def test_a_usual_leaf_is_small_and_sorted() -> None:
    leaf = leaf_of(DRAFT, NOW)
    assert len(leaf) <= 450
    assert list(json.loads(leaf)) == sorted(json.loads(leaf))
    assert leaf.startswith(b'{"actor":{"kind":"user","subject":"dora"},"created":"2026-01-31T12:00:00.000001Z","id":"')


def test_success_is_told_and_emptiness_is_not() -> None:
    members = json.loads(leaf_of(DRAFT, NOW))
    assert members["outcome"] == {"code": 0}
    assert {"attributes", "phase", "trace", "operation", "source"}.isdisjoint(members)


def test_an_event_is_the_same_however_and_whenever_it_is_told_again() -> None:
    first = leaf_of(DRAFT, NOW)
    again = replace(DRAFT, source=Source("shipper", 1, 7), reporter=None)
    assert same_content(first, leaf_of(again, NOW.replace(year=2027)))
    assert not same_content(first, leaf_of(replace(DRAFT, target="projects/demo/runs/r"), NOW))
    assert not same_content(first, leaf_of(replace(DRAFT, event_time=None), NOW))


@pytest.mark.parametrize(
    "leaf",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"1" * 5000,
        leaf_of(DRAFT, NOW).replace(b":", b": ", 1),
        leaf_of(DRAFT, NOW) + b" ",
        leaf_of(DRAFT, NOW).replace(b'"execution"', b"5"),
    ],
)
def test_what_is_no_canonical_leaf_is_no_event(leaf: bytes) -> None:
    with pytest.raises(LeafError):
        read_leaf(leaf, 0)


def test_an_id_follows_from_its_key_alone() -> None:
    assert event_id("a", "b", 1) == event_id("a", "b", 1)
    assert len({event_id("ab"), event_id("a", "b"), event_id("a", "b", 1), event_id("a", "b", "1")}) == 4
    assert len(event_id("a")) == 20
