"""Whatever is registered, renewed, replaced and forgotten: watchers know exactly what the registry knows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from maestro_services.registry.domain.changes import Changes
from maestro_services.registry.domain.instance import Instance, InstanceState
from maestro_services.registry.domain.leases import Lease, Leases
from maestro_services.runtime.errors import Reason, ServiceError

INSTANCES = st.builds(
    lambda service, name, address: Instance(f"services/{service}/instances/{name}", address),
    st.sampled_from(["audit", "execution"]),
    st.sampled_from("abc"),
    st.sampled_from(["h:1", "h:2", "h:3"]),
)
TTL = timedelta(seconds=10)
KEPT = 20


def refusal(action: Callable[[], object]) -> Reason | None:
    """Why an action was refused, or None if it was not."""
    try:
        action()
    except ServiceError as error:
        return error.reason
    return None


class Registry(RuleBasedStateMachine):
    """Leases, and a watcher that reads the changes now and then."""

    leases_held = Bundle("leases_held")
    uids = Bundle("uids")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        numbers = count()
        self.changes = Changes("epoch", KEPT)
        self.leases = Leases(
            self.changes,
            lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.now),
            lambda: self.now,
            lambda: f"uid-{next(numbers)}",
        )
        self.known: dict[str, Instance] = {}
        self.position = 0

    @rule(target=leases_held, instance=INSTANCES)
    def hold(self, instance: Instance) -> Lease:
        return self.leases.hold(instance, TTL)

    @rule(target=uids, instance=INSTANCES)
    def register(self, instance: Instance) -> tuple[str, str]:
        registered = self.leases.register(instance, TTL).instance
        return registered.name, registered.uid

    @rule(named=uids)
    def renew(self, named: tuple[str, str]) -> None:
        living = named[1] in {one.uid for one in self.leases.instances("-")}
        refused = refusal(lambda: self.leases.renew(*named))
        assert refused is None if living else refused in (Reason.RESOURCE_NOT_FOUND, Reason.LEASE_LOST)

    @rule(named=uids)
    def deregister(self, named: tuple[str, str]) -> None:
        assert refusal(lambda: self.leases.deregister(*named)) in (None, Reason.LEASE_LOST)
        assert named[1] not in {one.uid for one in self.leases.instances("-")}

    @rule(lease=leases_held, state=st.sampled_from(InstanceState))
    def beat(self, lease: Lease, state: InstanceState) -> None:
        refused = refusal(lambda: self.leases.beat(lease, replace(lease.instance, state=state)))
        assert refused is (Reason.LEASE_LOST if lease.ended.is_set() else None)
        assert refused or lease.instance.state is state

    @rule(target=leases_held, lease=consumes(leases_held))
    def release(self, lease: Lease) -> object:
        self.leases.release(lease)
        return multiple()

    @rule(seconds=st.floats(0.1, 20))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        gone = {one.uid for one in self.leases.expire()}
        assert not gone & {one.uid for one in self.leases.instances("-")}

    @rule()
    def watch(self) -> None:
        changes = self.changes.since(self.position)
        if changes is None:
            self.known = {one.name: one for one in self.leases.instances("-")}
        for change in changes or ():
            if change.removed:
                del self.known[change.instance.name]
            else:
                self.known[change.instance.name] = change.instance
        self.position = self.changes.head
        # Renewals move the time of expiry without telling watchers.
        unmoved = {name: replace(one, expire_time=None) for name, one in self.known.items()}
        assert unmoved == {one.name: replace(one, expire_time=None) for one in self.leases.instances("-")}

    @invariant()
    def names_and_addresses_are_taken_once(self) -> None:
        instances = self.leases.instances("-")
        assert len({one.name for one in instances}) == len(instances)
        assert len({(one.service, one.address) for one in instances}) == len(instances)
        assert len({one.uid for one in instances}) == len(instances)


Registry.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestRegistry = Registry.TestCase
