"""The record of what separates a process from its host, and what does not."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SESSION = "SESSION"
RESOURCE_LIMITS = "RESOURCE_LIMITS"
PID_NAMESPACE = "PID_NAMESPACE"
NETWORK_NAMESPACE = "NETWORK_NAMESPACE"
MOUNT_NAMESPACE = "MOUNT_NAMESPACE"
READ_ONLY_HOST = "READ_ONLY_HOST"
HIDDEN_STATE = "HIDDEN_STATE"
PRIVATE_TMP = "PRIVATE_TMP"


class Isolation:
    """Collects which mechanisms are in force, and why the others are not."""

    def __init__(self) -> None:
        self.in_force: list[str] = []
        self.missing: list[str] = []

    def attempt(self, mechanism: str, action: Callable[[], None]) -> bool:
        """Puts a mechanism in force, or notes why it could not be."""
        try:
            action()
        except OSError as error:
            self.lack(mechanism, error.strerror or str(error))
            return False
        self.in_force.append(mechanism)
        return True

    def lack(self, mechanism: str, reason: str) -> None:
        """Notes that a mechanism is not in force."""
        self.missing.append(f"{mechanism}: {reason}")

    def has(self, mechanism: str) -> bool:
        """Whether the mechanism is in force."""
        return mechanism in self.in_force
