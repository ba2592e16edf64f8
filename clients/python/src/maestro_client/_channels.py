"""Opens the channel of each service: to a plain address, to an xDS name, or to what the registry lists."""

import importlib
from collections.abc import Sequence
from typing import Literal

import grpc.aio
from google.protobuf.descriptor import FileDescriptor

from ._address import Endpoint, is_loopback
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


class Channels:
    """The open channels of a connection, one for each service that was asked for."""

    def __init__(self, endpoint: Endpoint, security: Security) -> None:
        self._endpoint = endpoint
        self._security = security
        self._open: dict[str, grpc.aio.Channel] = {}

    def of(self, service: str) -> grpc.aio.Channel:
        """Return the service's channel; it connects with the first call."""
        if service not in self._open:
            self._open[service] = open_channel(service, self._endpoint, self._security)
        return self._open[service]

    def put(self, service: str, channel: grpc.aio.Channel) -> None:
        """Use this channel for a service."""
        self._open[service] = channel

    async def close(self) -> None:
        """Close all of them; running calls are cancelled."""
        for channel in self._open.values():
            await channel.close()
        self._open.clear()


def open_channel(service: str, endpoint: Endpoint, security: Security) -> grpc.aio.Channel:
    """Open a channel to a service. `{service}` in the address stands for its name. Raises InsecureToken, OSError."""
    address = endpoint.address.replace("{service}", service)
    local = is_loopback(address)
    options = [*_OPTIONS, ("grpc.service_config", service_config(_contract(service)))]
    if local:
        options.append(("grpc.enable_http_proxy", 0))
    if isinstance(security, Tls):
        if security.server_name:
            options.append(("grpc.ssl_target_name_override", security.server_name))
        return grpc.aio.secure_channel(address, security.credentials(), options)
    if endpoint.token and security is None and not local and not address.startswith("xds:"):
        raise InsecureToken(
            f"{address} is not on this host: set MAESTRO_TLS_CA (or tls=Tls(…)), "
            'or tls="plaintext" if the network itself can be trusted'
        )
    return grpc.aio.insecure_channel(address, options)


def _contract(service: str) -> Sequence[FileDescriptor]:
    return [importlib.import_module(f"maestro.{service}.v1.{name}_pb2").DESCRIPTOR for name in SERVICES[service]]
