"""Events and their leaves: the bytes that the log commits to."""

import base64
import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

VERSION = 1
# Entry bundles of tlog-tiles hold the length of an entry in 16 bits.
MAX_LEAF_BYTES = 65_535
# What may differ between an event and its repetition: who repeats it, when, and over which stream.
_CIRCUMSTANCES = ("created", "reporter", "source")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


class LeafError(Exception):
    """Bytes that are no leaf."""


class ActorKind(enum.IntEnum):
    """What kind of principal acts, with the contract's numbers."""

    UNSPECIFIED = 0
    USER = 1
    SERVICE = 2
    WORKER = 3
    AGENT = 4


class Phase(enum.IntEnum):
    """Where in its operation an event stands, with the contract's numbers."""

    UNSPECIFIED = 0
    START = 1
    PROGRESS = 2
    END = 3


@dataclass(frozen=True)
class Actor:
    """Who did it."""

    kind: ActorKind
    subject: str
    display_name: str = ""


@dataclass(frozen=True)
class Outcome:
    """How it ended: a canonical code, 0 for success, and a reason."""

    code: int
    reason: str = ""


@dataclass(frozen=True)
class Source:
    """A place in a producer's own sequence."""

    producer_id: str
    epoch: int
    sequence: int


@dataclass(frozen=True)
class Draft:
    """An event as it is told, before the log takes it in. `id` names it for ever."""

    id: str
    project: str
    kind: str
    actor: Actor
    service: str = ""
    method: str = ""
    target: str = ""
    outcome: Outcome | None = None
    phase: Phase = Phase.UNSPECIFIED
    operation_id: str = ""
    request_id: str = ""
    trace_id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    event_time: datetime | None = None
    source: Source | None = None
    reporter: Actor | None = None


@dataclass(frozen=True)
class Event:
    """An event in the log."""

    draft: Draft
    log_index: int
    create_time: datetime

    @property
    def event_time(self) -> datetime:
        """When it happened; when it was taken in, if nobody told."""
        return self.draft.event_time or self.create_time


def event_id(*key: str | int) -> str:
    """The id that follows from an idempotency key and what it is scoped by: 20 characters `0-9a-v`, 100 bits."""
    digest = hashlib.sha256(_encode(key).encode()).digest()
    return base64.b32hexencode(digest[:15]).decode()[:20].lower()


def leaf_of(draft: Draft, create_time: datetime) -> bytes:
    """The leaf of an event: RFC 8785 JSON, what is empty left out."""
    members: dict[str, Any] = {
        "v": VERSION,
        "id": draft.id,
        "project": draft.project,
        "kind": draft.kind,
        "actor": _actor_members(draft.actor),
        "service": draft.service,
        "method": draft.method,
        "target": draft.target,
        "phase": draft.phase.name.lower() if draft.phase else "",
        "operation": draft.operation_id,
        "request": draft.request_id,
        "trace": draft.trace_id,
        "attributes": dict(draft.attributes),
        "time": format_time(draft.event_time) if draft.event_time else "",
        "created": format_time(create_time),
        "reporter": _actor_members(draft.reporter) if draft.reporter else None,
    }
    if draft.outcome is not None:
        members["outcome"] = {"code": draft.outcome.code} | _unless_empty("reason", draft.outcome.reason)
    if draft.source is not None:
        members["source"] = [draft.source.producer_id, draft.source.epoch, draft.source.sequence]
    return canonical({key: value for key, value in members.items() if value})


def canonical(members: Mapping[str, Any]) -> bytes:
    """RFC 8785 JSON; the keys are ASCII and the numbers integers, where it is what the standard library writes."""
    return _encode(members).encode()


def read_leaf(leaf: bytes, log_index: int) -> Event:
    """The event of a leaf; LeafError if it is none, or not written in the one canonical way."""
    try:
        members = json.loads(leaf)
        event = Event(_draft(members), log_index, parse_time(members["created"]))
        canonical_leaf = leaf_of(event.draft, event.create_time)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise LeafError(f"a member is missing or malformed: {error}") from error
    if canonical_leaf != leaf:
        raise LeafError("it is not canonical")
    return event


def same_content(first: bytes, second: bytes) -> bool:
    """Whether two leaves tell the same event, however and whenever it was told."""
    return _content(first) == _content(second)


def format_time(time: datetime) -> str:
    """RFC 3339 in UTC, to the microsecond."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """The time that `format_time` wrote."""
    return datetime.fromisoformat(text)


def _content(leaf: bytes) -> dict[str, Any]:
    return {key: value for key, value in json.loads(leaf).items() if key not in _CIRCUMSTANCES}


def _unless_empty(key: str, value: str) -> dict[str, str]:
    return {key: value} if value else {}


def _actor_members(actor: Actor) -> dict[str, str]:
    members = {"kind": actor.kind.name.lower(), "subject": actor.subject, "name": actor.display_name}
    return {key: value for key, value in members.items() if value}


def _actor(members: Mapping[str, str]) -> Actor:
    return Actor(ActorKind[members["kind"].upper()], _text(members, "subject"), _text(members, "name"))


def _text(members: Mapping[str, Any], key: str) -> str:
    value = members.get(key, "")
    if not isinstance(value, str):
        raise TypeError(f"{key} is no text")
    return value


def _draft(members: Mapping[str, Any]) -> Draft:
    outcome = members.get("outcome")
    return Draft(
        id=_text(members, "id"),
        project=_text(members, "project"),
        kind=_text(members, "kind"),
        actor=_actor(members["actor"]),
        service=_text(members, "service"),
        method=_text(members, "method"),
        target=_text(members, "target"),
        outcome=Outcome(outcome["code"], _text(outcome, "reason")) if outcome else None,
        phase=Phase[members.get("phase", "unspecified").upper()],
        operation_id=_text(members, "operation"),
        request_id=_text(members, "request"),
        trace_id=_text(members, "trace"),
        attributes=members.get("attributes", {}),
        event_time=parse_time(members["time"]) if "time" in members else None,
        source=Source(*members["source"]) if "source" in members else None,
        reporter=_actor(members["reporter"]) if "reporter" in members else None,
    )
