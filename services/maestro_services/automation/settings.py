"""Settings of the automation service: `MAESTRO_AUTOMATION_*` or the table `[automation]`."""

from dataclasses import dataclass

from maestro_services.runtime.settings import SettingsError


@dataclass(frozen=True)
class AutomationSettings:
    """How much is repaired at once, and how steps are leased."""

    # How many repairs are stepped at once by this process.
    concurrent_repairs: int = 4
    # How long a step may take before another process takes it up, in seconds.
    lease_seconds: float = 120.0
    # How many steps of a repair may fail in a row before it is given up.
    max_failures: int = 8
    # How many candidates a search executes at once; at most the cores that a worker's slot has.
    search_processes: int = 2

    def __post_init__(self) -> None:
        """Refuses what no work could be done with."""
        for name in ("concurrent_repairs", "lease_seconds", "max_failures", "search_processes"):
            if getattr(self, name) <= 0:
                raise SettingsError(f"automation.{name} must be positive")
