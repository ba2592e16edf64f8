"""Leases: an instance is registered for as long as somebody says that it lives."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from maestro_services.registry.domain.changes import Changes
from maestro_services.registry.domain.instance import Instance, InstanceState
from maestro_services.runtime.errors import Reason, ServiceError, invalid_field, not_found


@dataclass(eq=False)
class Lease:
    """One registration. `deadline` is on the monotonic clock; `ended` is set when it is over, whatever ended it."""

    instance: Instance
    ttl: timedelta
    deadline: float
    # Whether a stream holds it; otherwise its holder renews it by calls.
    held: bool
    ended: asyncio.Event = field(default_factory=asyncio.Event)


def lease_lost(name: str, why: str) -> ServiceError:
    """The holder's registration is no longer the current one."""
    return ServiceError(Reason.LEASE_LOST, f"the lease of {name} is over: {why}", lease=name)


class Leases:
    """The leases that live, at most one a name and one an address of a service.

    A registration replaces what stands in its place. Every change goes to `changes` in the same step, so that a list
    of instances and the head of the changes always agree.
    """

    def __init__(
        self,
        changes: Changes,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        new_uid: Callable[[], str],
    ) -> None:
        self.changes = changes
        self._clock = clock
        self._monotonic = monotonic
        self._new_uid = new_uid
        self._by_name: dict[str, Lease] = {}
        self._names: dict[tuple[str, str], str] = {}

    def instances(self, service: str) -> list[Instance]:
        """The instances of a service, by name; `-` stands for every service."""
        leases = sorted(self._by_name.items())
        return [lease.instance for _name, lease in leases if lease.instance.is_of(service)]

    def hold(self, instance: Instance, ttl: timedelta) -> Lease:
        """Registers an instance for a stream, which keeps the lease with beats and gives it back with `release`."""
        return self._begin(instance, ttl, held=True)

    def register(self, instance: Instance, ttl: timedelta) -> Lease:
        """Registers an instance whose holder calls `renew`; again for the same one, it renews and keeps the uid."""
        lease = self._by_name.get(instance.name)
        if lease is None or lease.held or lease.instance.address != instance.address:
            return self._begin(instance, ttl, held=False)
        lease.ttl = ttl
        self._extend(lease)
        self._change(lease, instance.state, instance.labels, instance.version)
        return lease

    def renew(self, name: str, uid: str) -> Lease:
        """Renews a lease; RESOURCE_NOT_FOUND if there is none, LEASE_LOST if it is another's."""
        lease = self._by_name.get(name)
        if lease is None:
            raise not_found(name)
        if lease.instance.uid != uid:
            raise lease_lost(name, "another registration has taken the name")
        self._extend(lease)
        return lease

    def deregister(self, name: str, uid: str = "") -> None:
        """Ends a lease, if there is one; LEASE_LOST if `uid` is given and is not the registration's."""
        lease = self._by_name.get(name)
        if lease is None:
            return
        if uid and lease.instance.uid != uid:
            raise lease_lost(name, "another registration has taken the name")
        self.release(lease)

    def beat(self, lease: Lease, instance: Instance | None = None) -> None:
        """Keeps a held lease; with an instance, takes over its state, labels and version."""
        if lease.ended.is_set():
            raise lease_lost(lease.instance.name, "it expired or was replaced")
        if instance is not None and (instance.name, instance.address) != (lease.instance.name, lease.instance.address):
            raise invalid_field("instance", "name and address cannot change while a stream holds the lease")
        self._extend(lease)
        if instance is not None:
            self._change(lease, instance.state, instance.labels, instance.version)

    def release(self, lease: Lease) -> None:
        """Ends a lease; nothing happens if it is over already."""
        if lease.ended.is_set():
            return
        lease.ended.set()
        del self._by_name[lease.instance.name]
        del self._names[lease.instance.service, lease.instance.address]
        self.changes.add(lease.instance, removed=True)

    def expire(self) -> list[Instance]:
        """Ends every lease that was silent for longer than its time to live; answers whose."""
        now = self._monotonic()
        silent = [lease for lease in self._by_name.values() if lease.deadline < now]
        for lease in silent:
            self.release(lease)
        return [lease.instance for lease in silent]

    def prolong(self, seconds: float) -> None:
        """Lets every lease live longer by the time in which nobody could renew it."""
        for lease in self._by_name.values():
            self._set_deadline(lease, lease.deadline + seconds)

    def _begin(self, instance: Instance, ttl: timedelta, *, held: bool) -> Lease:
        for name in (instance.name, self._names.get((instance.service, instance.address))):
            if name in self._by_name:
                self.release(self._by_name[name])
        now = self._clock()
        registered = replace(instance, uid=self._new_uid(), create_time=now, update_time=now)
        lease = Lease(registered, ttl, 0.0, held)
        self._extend(lease)
        self._by_name[instance.name] = lease
        self._names[instance.service, instance.address] = instance.name
        self.changes.add(lease.instance)
        return lease

    def _extend(self, lease: Lease) -> None:
        self._set_deadline(lease, self._monotonic() + lease.ttl.total_seconds())

    def _set_deadline(self, lease: Lease, deadline: float) -> None:
        lease.deadline = deadline
        if not lease.held:
            left = timedelta(seconds=deadline - self._monotonic())
            lease.instance = replace(lease.instance, expire_time=self._clock() + left)

    def _change(self, lease: Lease, state: InstanceState, labels: Mapping[str, str], version: str) -> None:
        changed = replace(lease.instance, state=state, labels=labels, version=version)
        if changed != lease.instance:
            lease.instance = replace(changed, update_time=self._clock())
            self.changes.add(lease.instance)
