"""Who calls what: the call that the current task serves."""

import contextvars
import time
from dataclasses import dataclass, field

from maestro_services.runtime.principal import Principal


@dataclass
class Call:
    """A call being served. `project` is "" where the method is not of one project."""

    method: str
    request_id: str
    principal: Principal
    project: str = ""
    permission: str = ""
    resource: str = ""
    mutates: bool = False
    deadline: float | None = None
    # Set by the first transaction that carried the call's audit record, so that it is recorded once.
    recorded: bool = field(default=False)

    def remaining(self) -> float | None:
        """Seconds until the caller's deadline, or None if it gave none."""
        return None if self.deadline is None else self.deadline - time.monotonic()


_current: contextvars.ContextVar[Call | None] = contextvars.ContextVar("maestro_call", default=None)


def current_call() -> Call | None:
    """The call that this task serves, or None in a background loop."""
    return _current.get()


def name_resource(name: str) -> None:
    """Says which resource the current call makes, for its audit record: the request names only the parent."""
    call = _current.get()
    if call is not None:
        call.resource = name


def enter(call: Call) -> None:
    """Makes this the call of the current task."""
    _current.set(call)
