"""What a list or a watch of events may ask for."""

from datetime import UTC, datetime

from sqlalchemy import ColumnElement

from maestro_services.audit.rows import micros
from maestro_services.audit.tables import entries
from maestro_services.runtime.errors import Reason, invalid_field
from maestro_services.runtime.filters import Field, compile_filter, ordered, text_field


def _time(text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"must be an RFC 3339 time such as 2026-01-31T12:00:00Z, not {text!r}") from None
    return micros(time if time.tzinfo else time.replace(tzinfo=UTC))


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError(f"must be a number, not {text!r}")
    return int(text)


_EQUAL = ("=", "!=")
_FIELDS: dict[str, Field] = {
    "kind": text_field(entries.c.kind),
    "target": text_field(entries.c.target),
    "method": text_field(entries.c.method),
    "service": ordered(entries.c.service, str, *_EQUAL),
    "actor.subject": ordered(entries.c.actor_subject, str, *_EQUAL),
    "operation_id": ordered(entries.c.operation_id, str, *_EQUAL),
    "request_id": ordered(entries.c.request_id, str, *_EQUAL),
    "trace_id": ordered(entries.c.trace_id, str, *_EQUAL),
    "outcome.reason": ordered(entries.c.outcome_reason, str, *_EQUAL),
    "outcome.code": ordered(entries.c.outcome_code, _number),
    "log_index": ordered(entries.c.log_index, _number),
    "event_time": ordered(entries.c.event_time, _time, "<", "<=", ">", ">="),
    "create_time": ordered(entries.c.create_time, _time, "<", "<=", ">", ">="),
}
_ORDERS = {"": True, "log_index desc": True, "log_index": False}


def conditions_of(text: str) -> list[ColumnElement[bool]]:
    """The conditions that a filter stands for."""
    condition = compile_filter(text, _FIELDS)
    return [] if condition is None else [condition]


def is_newest_first(order_by: str) -> bool:
    """Whether an order runs against the log."""
    order = " ".join(order_by.split())
    if order not in _ORDERS:
        detail = "must be `log_index desc` or `log_index`"
        raise invalid_field("order_by", detail, Reason.ORDER_INVALID, detail=detail)
    return _ORDERS[order]
