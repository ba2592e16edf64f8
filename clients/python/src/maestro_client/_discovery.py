"""Follows the registry, so that calls go to the instances that are ready."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Callable, Iterable

import grpc
import grpc.aio
from maestro.registry.v1 import instance_pb2, registry_service_pb2

from ._channels import SERVICES, Channels
from ._errors import Unavailable
from ._switching import SwitchingChannel
from ._watch import resume
from .registry import RegistryClient

# How long to wait for the first answer of the registry, in seconds.
PATIENCE = 30.0

_READY = instance_pb2.Instance.STATE_READY


async def resolve(registry: RegistryClient, service: str) -> list[str]:
    """Return the addresses at which a service is ready, by the name of the instance."""
    request = registry_service_pb2.ListInstancesRequest(parent=f"services/{service}", page_size=1000)
    response = await registry.list_instances(request)
    return [instance.address for instance in response.instances if instance.state == _READY]


class Directory:
    """Keeps the channel of every service pointed at its ready instances for as long as `run` runs."""

    def __init__(self, registry: RegistryClient, open_to: Callable[[str, str], grpc.aio.Channel]) -> None:
        self._registry = registry
        self._open_to = open_to
        self._instances: dict[str, instance_pb2.Instance] = {}
        self._targets: dict[str, str] = {}
        self._channels = {service: SwitchingChannel(service) for service in SERVICES}
        self._known = asyncio.Event()

    async def run(self) -> None:
        """Follow the registry, without end."""
        request = registry_service_pb2.WatchInstancesRequest(parent="services/-")
        async for change in resume(self._registry.watch_instances, request):
            await self._take_in(change)
            self._known.set()

    async def known(self) -> None:
        """Wait until the instances are known."""
        await self._known.wait()

    def channel(self, service: str) -> grpc.aio.Channel:
        """Return the service's channel; calls on it are Unavailable until an instance is ready."""
        return self._channels[service]

    async def _take_in(self, change: registry_service_pb2.WatchInstancesResponse) -> None:
        if change.HasField("snapshot"):
            self._instances = {instance.name: instance for instance in change.snapshot.instances}
        if change.HasField("instance"):
            self._instances[change.instance.name] = change.instance
        self._instances.pop(change.removed_name, None)
        for service in SERVICES:
            addresses = [one.address for one in self._instances.values() if _serves(one, service)]
            # The last known ones stay: a registry that lost its memory must not stop calls that would succeed.
            if addresses:
                self._point(service, await target_of(addresses))

    def _point(self, service: str, target: str) -> None:
        if self._targets.get(service) == target:
            return
        self._targets[service] = target
        self._channels[service].switch(self._open_to(service, target))


def _serves(instance: instance_pb2.Instance, service: str) -> bool:
    return instance.state == _READY and instance.name.startswith(f"services/{service}/")


async def target_of(addresses: Iterable[str]) -> str:
    """Return the gRPC target of several `host:port`; host names are looked up."""
    loop = asyncio.get_running_loop()
    literals: set[str] = set()
    for address in addresses:
        host, _, port = address.rpartition(":")
        if _is_literal(host.strip("[]")):
            literals.add(address)
            continue
        for family, *_, sockaddr in await loop.getaddrinfo(host, int(port), type=socket.SOCK_STREAM):
            literals.add(f"[{sockaddr[0]}]:{port}" if family == socket.AF_INET6 else f"{sockaddr[0]}:{port}")
    four = sorted(address for address in literals if not address.startswith("["))
    return "ipv4:" + ",".join(four) if four else "ipv6:" + ",".join(sorted(literals))


def _is_literal(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


class Discovery:
    """A directory and the task that keeps it, between `start` and `stop`."""

    def __init__(self, registry: RegistryClient, open_to: Callable[[str, str], grpc.aio.Channel]) -> None:
        self._directory = Directory(registry, open_to)
        self._task: asyncio.Task[None] | None = None

    async def start(self, channels: Channels) -> None:
        """Learn the instances and give each service its channel. Raises what the registry's calls raise."""
        self._task = asyncio.create_task(self._directory.run())
        waiting = asyncio.create_task(self._directory.known())
        await asyncio.wait({self._task, waiting}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if waiting.cancel():
            await self.stop()
            message = "the registry does not answer"
            raise self._failure() or Unavailable(grpc.StatusCode.UNAVAILABLE, message)
        for service in SERVICES:
            channels.put(service, self._directory.channel(service))

    def _failure(self) -> BaseException | None:
        return self._task.exception() if self._task and self._task.done() and not self._task.cancelled() else None

    async def stop(self) -> None:
        """End the task."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
