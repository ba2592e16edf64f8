"""What ListRepairs may filter by."""

from datetime import datetime

from maestro_services.automation.domain.repair import Refusal, State, Trigger
from maestro_services.automation.store import microseconds
from maestro_services.automation.tables import repairs
from maestro_services.runtime.filters import Field, enum_field, ordered


def _time(text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"must be an RFC 3339 time, not {text!r}") from None
    if time.tzinfo is None:
        raise ValueError("must have a time zone, such as Z")
    return microseconds(time)


FIELDS: dict[str, Field] = {
    "state": enum_field(repairs.c.state, {state.name: int(state) for state in State}),
    "reason": enum_field(repairs.c.reason, {reason.name: int(reason) for reason in Refusal}),
    "trigger": enum_field(repairs.c.trigger_kind, {trigger.name: int(trigger) for trigger in Trigger}),
    "run": ordered(repairs.c.run, str, "=", "!="),
    "create_time": ordered(repairs.c.create_time, _time, "<", "<=", ">", ">="),
}
