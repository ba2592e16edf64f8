"""RegistryService over gRPC: convert, call, convert."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import islice
from typing import Any

import grpc
from maestro.registry.v1 import registry_service_pb2 as pb
from maestro.registry.v1 import registry_service_pb2_grpc

from maestro_services.registry import convert
from maestro_services.registry.domain.leases import Leases, lease_lost
from maestro_services.registry.requests import requests_until
from maestro_services.registry.watch import InstanceWatch
from maestro_services.runtime.errors import Reason, ServiceError, draining
from maestro_services.runtime.pages import page_size
from maestro_services.runtime.tokens import OpaqueTokens

Context = grpc.aio.ServicerContext[Any, Any]


class RegistryServicer(registry_service_pb2_grpc.RegistryServiceServicer):
    """Answers RegistryService."""

    def __init__(self, leases: Leases, tokens: OpaqueTokens, draining: asyncio.Event, lease_ttl: timedelta) -> None:
        self._leases = leases
        self._tokens = tokens
        self._draining = draining
        self._lease_ttl = lease_ttl

    async def HoldLease(  # noqa: N802 (the contract's name)
        self, requests: AsyncIterator[pb.HoldLeaseRequest], context: Context
    ) -> AsyncIterator[pb.HoldLeaseResponse]:
        """The stream is the lease."""
        hello = await anext(requests)
        if not hello.HasField("instance"):
            raise ServiceError(Reason.HELLO_EXPECTED, "the first message carries no instance", expected="instance")
        lease = self._leases.hold(convert.instance_of(hello.instance), self._lease_ttl)
        try:
            yield convert.held(lease)
            async for request in requests_until(requests, lease.ended, self._draining):
                update = convert.instance_of(request.instance) if request.HasField("instance") else None
                self._leases.beat(lease, update)
                if update is not None:
                    yield convert.held(lease)
            self._check_over(lease.ended.is_set(), lease.instance.name)
        finally:
            self._leases.release(lease)

    def _check_over(self, ended: bool, name: str) -> None:
        if ended:
            raise lease_lost(name, "it expired, or a newer registration took its name or address")
        if self._draining.is_set():
            raise draining()

    async def RegisterInstance(  # noqa: N802
        self, request: pb.RegisterInstanceRequest, context: Context
    ) -> pb.RegisterInstanceResponse:
        """Registers without a stream."""
        ttl = request.lease_ttl.ToTimedelta() if request.HasField("lease_ttl") else self._lease_ttl
        return convert.registered(self._leases.register(convert.instance_of(request.instance), ttl))

    async def RenewLease(self, request: pb.RenewLeaseRequest, context: Context) -> pb.RenewLeaseResponse:  # noqa: N802
        """Renews a lease that no stream holds."""
        lease = self._leases.renew(request.name, request.uid)
        return pb.RenewLeaseResponse(instance=convert.instance_message(lease.instance))

    async def DeregisterInstance(  # noqa: N802
        self, request: pb.DeregisterInstanceRequest, context: Context
    ) -> pb.DeregisterInstanceResponse:
        """Ends a lease now."""
        self._leases.deregister(request.name, request.uid)
        return pb.DeregisterInstanceResponse()

    async def ListInstances(  # noqa: N802
        self, request: pb.ListInstancesRequest, context: Context
    ) -> pb.ListInstancesResponse:
        """Lists instances, by name."""
        scope = f"ListInstances {request.parent}"
        size = page_size(request.page_size, 100, 1_000)
        after = ""
        if request.page_token:
            after = str(self._tokens.open(scope, request.page_token, Reason.PAGE_TOKEN_INVALID)[0])
        behind = (one for one in self._leases.instances(_service(request.parent)) if one.name > after)
        page = list(islice(behind, size + 1))
        more = self._tokens.seal(scope, page[size - 1].name) if len(page) > size else ""
        instances = map(convert.instance_message, page[:size])
        return pb.ListInstancesResponse(instances=instances, next_page_token=more)

    async def WatchInstances(  # noqa: N802
        self, request: pb.WatchInstancesRequest, context: Context
    ) -> AsyncIterator[pb.WatchInstancesResponse]:
        """Follows instances."""
        scope = f"WatchInstances {request.parent}"
        epoch = self._leases.changes.epoch
        watch = InstanceWatch(self._leases, _service(request.parent))
        position = self._position(scope, request.resume_token)
        async for update in watch.follow(position, stop=self._draining):
            yield convert.watch_message(update, self._tokens.seal(scope, epoch, update.position))
        raise draining()

    def _position(self, scope: str, token: str) -> int | None:
        """The position in a resume token; None without one, and for one of before a restart."""
        if not token:
            return None
        epoch, position = self._tokens.open(scope, token, Reason.RESUME_TOKEN_INVALID)
        return int(position) if epoch == self._leases.changes.epoch else None


def _service(parent: str) -> str:
    return parent.removeprefix("services/")
