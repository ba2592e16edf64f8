"""Settings of a server, whatever it hosts: `MAESTRO_SERVER_*` or the table `[server]`."""

import os
from dataclasses import dataclass
from pathlib import Path

import grpc

from maestro_services.runtime.authentication import owned_secret
from maestro_services.runtime.settings import SettingsError
from maestro_services.runtime.wakeups import Wakeups


def default_state_directory() -> Path:
    """Where an installation keeps its state: `$XDG_STATE_HOME/maestro`, by default `~/.local/state/maestro`."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "maestro"


@dataclass(frozen=True)
class ServerSettings:
    """How a server listens, whom it trusts, and where it keeps its state."""

    # Where to listen, `host:port`; port 0 takes a free one.
    address: str = "127.0.0.1:0"
    # What to register, if it is not the address listened on.
    advertised_address: str = ""
    # Where the registry is, which knows the other services. Empty: this server hosts them all.
    registry_address: str = ""
    # Where blobs, keys and SQLite databases are kept.
    state_directory: str = ""
    # `postgresql+asyncpg://…`; empty: SQLite in the state directory.
    database_url: str = ""
    # `redis://…` for wake-ups between replicas; empty: none.
    redis_url: str = ""
    # The secret that all services share; empty: made in the state directory.
    mesh_secret_file: str = ""
    # Whether the token in the state directory's `token` file is the administrator's.
    local_token: bool = True
    # PEM files; empty: no TLS.
    tls_certificate_file: str = ""
    tls_private_key_file: str = ""
    tls_ca_file: str = ""
    # Whether callers must show a certificate of the CA.
    require_client_certificate: bool = False
    # The largest message accepted, in bytes.
    max_message_bytes: int = 4 * 1024 * 1024
    # How long calls may take to finish when the server ends.
    grace_seconds: float = 5.0
    # Where to answer Prometheus, `host:port`; empty: nowhere.
    metrics_address: str = ""
    log_level: str = "info"

    def __post_init__(self) -> None:
        """Refuses what could not serve."""
        host, _, port = self.address.rpartition(":")
        if not host or not port.isdigit():
            raise SettingsError(f"server.address must be host:port, not {self.address!r}")
        if bool(self.tls_certificate_file) != bool(self.tls_private_key_file):
            raise SettingsError("server.tls_certificate_file and server.tls_private_key_file go together")
        if self.require_client_certificate and not self.tls_ca_file:
            raise SettingsError("server.require_client_certificate needs server.tls_ca_file")

    def state(self) -> Path:
        """The state directory."""
        return Path(self.state_directory).expanduser() if self.state_directory else default_state_directory()

    def database(self, state: Path, service: str) -> str:
        """The URL of a service's database."""
        return self.database_url or f"sqlite+aiosqlite:///{state / service}.db"

    def wakeups(self, service: str) -> Wakeups:
        """Wake-ups within the process, or between replicas over Redis."""
        if not self.redis_url:
            return Wakeups()
        from maestro_services.runtime.redis_wakeups import RedisWakeups

        return RedisWakeups(self.redis_url, service)

    def mesh_secret(self, state: Path) -> str:
        """The secret that all services of the installation share."""
        return _owned(Path(self.mesh_secret_file) if self.mesh_secret_file else state / "mesh-secret")

    def administrator_token(self, state: Path) -> str:
        """The administrator's token, or "" if there is none."""
        return _owned(state / "token") if self.local_token else ""

    def server_credentials(self) -> grpc.ServerCredentials | None:
        """TLS for the server, or None for plain text."""
        if not self.tls_certificate_file:
            return None
        pair = (_read(self.tls_private_key_file), _read(self.tls_certificate_file))
        roots = _read(self.tls_ca_file) if self.tls_ca_file else None
        return grpc.ssl_server_credentials([pair], roots, self.require_client_certificate)

    def channel_credentials(self) -> grpc.ChannelCredentials | None:
        """TLS for calls to other services, or None for plain text."""
        if not self.tls_certificate_file:
            return None
        roots = _read(self.tls_ca_file) if self.tls_ca_file else None
        return grpc.ssl_channel_credentials(roots, _read(self.tls_private_key_file), _read(self.tls_certificate_file))


def _owned(path: Path) -> str:
    try:
        return owned_secret(path)
    except OSError as error:
        raise SettingsError(str(error)) from error


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
