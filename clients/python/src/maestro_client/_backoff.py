"""How long to wait before the next attempt: exponential, with full jitter."""

import random
from collections.abc import Iterator

# Jitter spreads callers out; it needs no secrecy.
_random = random.Random()  # noqa: S311


def pause(attempt: int, *, initial: float = 0.1, maximum: float = 10.0) -> float:
    """Return seconds to wait after the given attempt, from 1, that failed."""
    ceiling = min(maximum, initial * 2.0 ** min(attempt, 32))
    return _random.uniform(initial / 2, ceiling)


def delays(attempts: int) -> Iterator[float | None]:
    """Yield for each attempt the seconds to wait if it fails; None for the last."""
    for attempt in range(1, attempts):
        yield pause(attempt)
    yield None
