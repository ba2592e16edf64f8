# ruff: noqa: ASYNC109 -- the time limit travels to the server, which a local one does not
"""Instances of the mesh and tokens: the registry service."""

from collections.abc import AsyncIterable, AsyncIterator

import grpc.aio
from maestro.registry.v1 import registry_service_pb2, token_service_pb2
from maestro.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from maestro.registry.v1.token_service_pb2_grpc import TokenServiceStub

from ._calls import Calls

__all__ = ["RegistryClient", "TokenClient"]


class RegistryClient:
    """Owns which processes serve the mesh, each for as long as its lease lives."""

    def __init__(self, calls: Calls, channel: grpc.aio.Channel) -> None:
        self._calls = calls
        self._stub = RegistryServiceStub(channel)

    def hold_lease(
        self, requests: AsyncIterable[registry_service_pb2.HoldLeaseRequest], *, timeout: float | None = None
    ) -> AsyncIterator[registry_service_pb2.HoldLeaseResponse]:
        """Register an instance for as long as the stream is open: the stream is the lease."""
        return self._calls.converse(self._stub.HoldLease, requests, timeout)

    async def register_instance(
        self, request: registry_service_pb2.RegisterInstanceRequest, *, timeout: float | None = None
    ) -> registry_service_pb2.RegisterInstanceResponse:
        """Register an instance with a lease that RenewLease keeps alive, for processes that hold no stream."""
        return await self._calls.unary(self._stub.RegisterInstance, request, timeout)

    async def renew_lease(
        self, request: registry_service_pb2.RenewLeaseRequest, *, timeout: float | None = None
    ) -> registry_service_pb2.RenewLeaseResponse:
        """Renew the lease of an instance registered by RegisterInstance."""
        return await self._calls.unary(self._stub.RenewLease, request, timeout)

    async def deregister_instance(
        self, request: registry_service_pb2.DeregisterInstanceRequest, *, timeout: float | None = None
    ) -> registry_service_pb2.DeregisterInstanceResponse:
        """End an instance's lease now."""
        return await self._calls.unary(self._stub.DeregisterInstance, request, timeout)

    async def list_instances(
        self, request: registry_service_pb2.ListInstancesRequest, *, timeout: float | None = None
    ) -> registry_service_pb2.ListInstancesResponse:
        """List instances, by name."""
        return await self._calls.unary(self._stub.ListInstances, request, timeout)

    def watch_instances(
        self, request: registry_service_pb2.WatchInstancesRequest, *, timeout: float | None = None
    ) -> AsyncIterator[registry_service_pb2.WatchInstancesResponse]:
        """Stream the instances of a service: first all that there are, then each change."""
        return self._calls.stream(self._stub.WatchInstances, request, timeout)


class TokenClient:
    """Owns the tokens of people and scripts, and tells services whom a token stands for."""

    def __init__(self, calls: Calls, channel: grpc.aio.Channel) -> None:
        self._calls = calls
        self._stub = TokenServiceStub(channel)

    async def create_token(
        self, request: token_service_pb2.CreateTokenRequest, *, timeout: float | None = None
    ) -> token_service_pb2.CreateTokenResponse:
        """Create a token and show its secret, this once."""
        return await self._calls.unary(self._stub.CreateToken, request, timeout)

    async def list_tokens(
        self, request: token_service_pb2.ListTokensRequest, *, timeout: float | None = None
    ) -> token_service_pb2.ListTokensResponse:
        """List the tokens of a project, newest first, revoked and expired ones included."""
        return await self._calls.unary(self._stub.ListTokens, request, timeout)

    async def revoke_token(
        self, request: token_service_pb2.RevokeTokenRequest, *, timeout: float | None = None
    ) -> token_service_pb2.RevokeTokenResponse:
        """End a token for good."""
        return await self._calls.unary(self._stub.RevokeToken, request, timeout)

    async def introspect_token(
        self, request: token_service_pb2.IntrospectTokenRequest, *, timeout: float | None = None
    ) -> token_service_pb2.IntrospectTokenResponse:
        """Tell whom a secret stands for. For services only; they may remember the answer for 30 seconds."""
        return await self._calls.unary(self._stub.IntrospectToken, request, timeout)
