"""Settings of the registry: `MAESTRO_REGISTRY_*` or the table `[registry]`."""

from dataclasses import dataclass

from maestro_services.runtime.settings import SettingsError


@dataclass(frozen=True)
class RegistrySettings:
    """How long leases live, and how much of the past watchers can go back to."""

    # How long a lease lives without a beat or renewal, unless its holder asks for another time; in seconds.
    lease_ttl_seconds: float = 15.0
    # How many changes are kept for watchers that come back; those who missed more get a snapshot.
    kept_changes: int = 10_000

    def __post_init__(self) -> None:
        """Refuses what could not serve."""
        if not 1 <= self.lease_ttl_seconds <= 600:
            raise SettingsError(f"registry.lease_ttl_seconds must be from 1 to 600, not {self.lease_ttl_seconds:g}")
        if self.kept_changes < 1:
            raise SettingsError(f"registry.kept_changes must be at least 1, not {self.kept_changes}")
