"""Instances: the processes that serve the mesh."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

ALL_SERVICES = "-"


class InstanceState(enum.IntEnum):
    """Whether calls may be sent to an instance, with the contract's numbers."""

    STARTING = 1
    READY = 2
    DRAINING = 3
    UNHEALTHY = 4


@dataclass(frozen=True)
class Instance:
    """One process that serves one service, as its lease has it.

    `uid` and the times are the registry's. `expire_time` is unset while a stream holds the lease.
    """

    name: str
    address: str
    version: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    state: InstanceState = InstanceState.READY
    uid: str = ""
    create_time: datetime | None = None
    update_time: datetime | None = None
    expire_time: datetime | None = None

    @property
    def service(self) -> str:
        """The short name of the service it serves."""
        return self.name.split("/")[1]

    def is_of(self, service: str) -> bool:
        """Whether it serves this service; `-` stands for every one."""
        return service in (ALL_SERVICES, self.service)
