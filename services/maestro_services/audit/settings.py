"""Settings of the audit service: `MAESTRO_AUDIT_*` or the table `[audit]`."""

from dataclasses import dataclass

from maestro_services.runtime.settings import SettingsError


@dataclass(frozen=True)
class AuditSettings:
    """Who signs the logs, and how often."""

    # The Ed25519 key that signs checkpoints, PEM (PKCS #8); empty: made in the state directory at the first start.
    signing_key_file: str = ""
    # The host name in the logs' origins.
    origin_host: str = "maestro.dev"
    # What tells this installation's logs from others'; empty: the beginning of the signing key's digest.
    installation_id: str = ""
    # How soon new events come under a signed checkpoint that nobody asked for, in seconds.
    checkpoint_seconds: float = 0.2
    # How many of each log's newest leaves are hashed again at the start; the tree above all of them always is.
    start_check_leaves: int = 100_000

    def __post_init__(self) -> None:
        """Refuses what no log could be named or run by."""
        for name in ("origin_host", "installation_id"):
            if any(character.isspace() or character == "+" for character in getattr(self, name)):
                raise SettingsError(f"audit.{name} must have no space and no plus sign")
        if self.checkpoint_seconds <= 0 or self.start_check_leaves < 0:
            raise SettingsError("audit.checkpoint_seconds must be positive, audit.start_check_leaves not negative")
