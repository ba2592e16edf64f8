"""Opens the channel of each service: to a plain address, to an xDS name, or to what the registry lists."""

import importlib
from collections.abc import Sequence
from typing import Literal

import grpc.aio
from google.protobuf.descriptor import FileDescriptor

from ._address import is_loopback
from ._retry import service_config
from ._tls import Tls

# The services of the mesh, and the contract files that declare their methods.
SERVICES: dict[str, tuple[str, ...]] = {
    "execution": ("execution_service", "artifact_service", "results_service", "worker_service"),
    "automation": ("automation_service",),
    "templates": ("template_service",),
    "audit": ("audit_service",),
    "registry": ("registry_service", "token_service"),
}

Security = Tls | Literal["plaintext"] | None

_OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.primary_user_agent", "maestro-client"),
)


class InsecureToken(ValueError):  # noqa: N818 -- it says what is the matter
    """A token would travel unencrypted over a network."""


def check_token_is_safe(address: str, security: Security) -> None:
    """Raise InsecureToken if a token would travel to the address unencrypted, and nobody said that this is well."""
    if security is None and not is_loopback(address) and not address.startswith("xds:"):
        raise InsecureToken(
            f"{address} is not on this host: set MAESTRO_TLS_CA (or tls=Tls(…)), "
            'or tls="plaintext" if the network itself can be trusted'
        )


class ChannelFactory:
    """Opens channels with one set of credentials; none means plain text."""

    def __init__(self, credentials: grpc.ChannelCredentials | None = None, server_name: str | None = None) -> None:
        self._credentials = credentials
        self._options: list[tuple[str, str | int]] = [*_OPTIONS]
        if server_name:
            self._options.append(("grpc.ssl_target_name_override", server_name))

    def __call__(self, service: str, address: str) -> grpc.aio.Channel:
        """Open a channel to a service. `{service}` in the address stands for its name."""
        address = address.replace("{service}", service)
        options = [*self._options, ("grpc.service_config", service_config(_contract(service)))]
        if is_loopback(address):
            options.append(("grpc.enable_http_proxy", 0))
        if self._credentials:
            return grpc.aio.secure_channel(address, self._credentials, options)
        return grpc.aio.insecure_channel(address, options)


class Channels:
    """The open channels of a connection, one for each service that was asked for."""

    def __init__(self, address: str, opener: ChannelFactory) -> None:
        self._address = address
        self._opener = opener
        self._open: dict[str, grpc.aio.Channel] = {}

    def of(self, service: str) -> grpc.aio.Channel:
        """Return the service's channel; it connects with the first call."""
        if service not in self._open:
            self._open[service] = self._opener(service, self._address)
        return self._open[service]

    def put(self, service: str, channel: grpc.aio.Channel) -> None:
        """Use this channel for a service."""
        self._open[service] = channel

    async def close(self) -> None:
        """Close all of them; running calls are cancelled."""
        for channel in self._open.values():
            await channel.close()
        self._open.clear()


def _contract(service: str) -> Sequence[FileDescriptor]:
    return [importlib.import_module(f"maestro.{service}.v1.{name}_pb2").DESCRIPTOR for name in SERVICES[service]]
