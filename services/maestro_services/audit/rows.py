"""Domain objects as rows, and back."""

from datetime import UTC, datetime, timedelta
from typing import Any

from maestro_services.audit.domain.event import Event
from maestro_services.audit.domain.log import Entry, LogState

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(time: datetime) -> int:
    """Microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    """The time that so many microseconds since 1970 stand for."""
    return _EPOCH + value * _MICROSECOND


def columns_of(event: Event) -> dict[str, Any]:
    """What queries about an event are answered from."""
    draft = event.draft
    return {
        "id": draft.id,
        "kind": draft.kind,
        "actor_subject": draft.actor.subject,
        "service": draft.service,
        "method": draft.method,
        "target": draft.target,
        "outcome_code": draft.outcome.code if draft.outcome else None,
        "outcome_reason": draft.outcome.reason if draft.outcome else "",
        "operation_id": draft.operation_id,
        "request_id": draft.request_id,
        "trace_id": draft.trace_id,
        "event_time": micros(event.event_time),
        "create_time": micros(event.create_time),
    }


def entry_row(entry: Entry) -> dict[str, Any]:
    """The row of an entry."""
    event = entry.event
    return {
        "project": event.draft.project,
        "log_index": event.log_index,
        "leaf": entry.leaf,
    } | columns_of(event)


def log_row(state: LogState) -> dict[str, Any]:
    """What an append changes of a log's row."""
    return {"size": state.size, "root": state.root, "update_time": micros(state.update_time)}


def log_state(row: Any) -> LogState:
    """A log's state from its row."""
    return LogState(
        project=row.project,
        origin=row.origin,
        size=row.size,
        root=row.root,
        update_time=from_micros(row.update_time),
        note=row.note,
        note_size=row.note_size,
        note_time=from_micros(row.note_time),
    )
