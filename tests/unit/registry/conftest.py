"""A registry's domain on clocks that the test moves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from maestro_services.registry.domain.changes import Changes
from maestro_services.registry.domain.leases import Leases


@dataclass
class Time:
    """Both clocks of a process, in step."""

    elapsed: float = 100.0
    began: datetime = field(default=datetime(2026, 1, 1, tzinfo=UTC))

    def monotonic(self) -> float:
        return self.elapsed

    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.elapsed)

    def pass_by(self, seconds: float) -> None:
        self.elapsed += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def leases(time: Time) -> Leases:
    uids = count(1)
    return Leases(Changes("epoch", kept=100), time.now, time.monotonic, lambda: f"uid-{next(uids)}")


@pytest.fixture
def ttl() -> timedelta:
    return timedelta(seconds=15)
