"""Which queued action a free worker gets next."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class QueueHead:
    """The oldest queued action of a project, and how many of the project's actions run now."""

    action_key: int
    project: str
    running: int


def choose(heads: Iterable[QueueHead]) -> QueueHead | None:
    """The head whose project runs least, the oldest of equals: no project can keep the others waiting."""
    return min(heads, key=lambda head: (head.running, head.action_key), default=None)
