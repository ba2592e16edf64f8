"""Leases, replaced and expired, on a clock that the test moves."""

from dataclasses import replace
from datetime import timedelta

import pytest
from maestro_services.registry.domain.instance import Instance, InstanceState
from maestro_services.registry.domain.leases import Lease, Leases
from maestro_services.registry.expiry import Expiry
from maestro_services.runtime.errors import Reason, ServiceError

TTL = timedelta(seconds=15)
ONE = Instance("services/audit/instances/one", "10.0.0.1:7000")
TWO = Instance("services/audit/instances/two", "10.0.0.2:7000")


def changes(leases: Leases) -> list[tuple[str, bool]]:
    log = leases.changes.since(0)
    assert log is not None
    return [(change.instance.name.rpartition("/")[2], change.removed) for change in log]


def held(leases: Leases, instance: Instance = ONE) -> Lease:
    return leases.hold(instance, TTL)


def test_a_held_instance_is_listed_until_it_is_released(leases):
    lease = held(leases)
    assert [one.name for one in leases.instances("audit")] == [ONE.name]
    leases.release(lease)
    leases.release(lease)
    assert leases.instances("audit") == []
    assert changes(leases) == [("one", False), ("one", True)]


def test_an_instance_held_by_a_stream_has_no_time_of_expiry_and_a_registered_one_has(leases, time):
    assert held(leases).instance.expire_time is None
    assert leases.register(TWO, TTL).instance.expire_time == time.now() + TTL


def test_the_newer_registration_of_a_name_ends_the_older_one(leases):
    old = held(leases)
    new = held(leases, replace(ONE, address="10.0.0.9:7000"))
    assert old.ended.is_set()
    assert not new.ended.is_set()
    assert new.instance.uid != old.instance.uid
    assert [one.address for one in leases.instances("audit")] == ["10.0.0.9:7000"]
    leases.release(old)
    assert len(leases.instances("audit")) == 1


def test_the_newer_registration_of_an_address_ends_the_older_one_of_that_service_only(leases):
    old, other = held(leases), held(leases, Instance("services/registry/instances/r", ONE.address))
    held(leases, replace(TWO, address=ONE.address))
    assert old.ended.is_set()
    assert not other.ended.is_set()
    assert changes(leases)[-2:] == [("one", True), ("two", False)]


def test_a_registration_that_takes_the_name_of_one_and_the_address_of_another_ends_both(leases):
    first, second = held(leases, ONE), held(leases, TWO)
    held(leases, replace(ONE, address=TWO.address))
    assert first.ended.is_set()
    assert second.ended.is_set()
    assert len(leases.instances("-")) == 1


def test_silence_beyond_the_time_to_live_ends_a_lease_and_a_beat_prevents_it(leases, time):
    silent, alive = held(leases, ONE), held(leases, TWO)
    time.pass_by(14)
    leases.beat(alive)
    time.pass_by(2)
    assert [one.name for one in leases.expire()] == [ONE.name]
    assert silent.ended.is_set()
    with pytest.raises(ServiceError) as caught:
        leases.beat(silent)
    assert caught.value.reason is Reason.LEASE_LOST


def test_lease_time_stands_still_while_the_process_does_not_run(leases, time):
    expiry = Expiry(leases, time.monotonic)
    held(leases)
    expiry.tick()
    time.pass_by(3600)
    expiry.tick()
    assert len(leases.instances("audit")) == 1
    for _ in range(64):
        time.pass_by(0.25)
        expiry.tick()
    assert leases.instances("audit") == []


def test_registering_the_same_instance_again_renews_it_and_keeps_its_uid(leases, time):
    first = leases.register(ONE, TTL)
    uid = first.instance.uid
    time.pass_by(10)
    again = leases.register(replace(ONE, state=InstanceState.DRAINING), TTL)
    assert again.instance.uid == uid
    assert again.instance.state is InstanceState.DRAINING
    assert again.instance.expire_time == time.now() + TTL
    assert changes(leases) == [("one", False), ("one", False)]


def test_renewing_is_no_change_that_watchers_hear_of(leases, time):
    uid = leases.register(ONE, TTL).instance.uid
    time.pass_by(10)
    assert leases.renew(ONE.name, uid).instance.expire_time == time.now() + TTL
    assert changes(leases) == [("one", False)]


def test_renewing_what_is_gone_says_so_and_anothers_lease_is_lost(leases):
    with pytest.raises(ServiceError) as gone:
        leases.renew(ONE.name, "uid-0")
    assert gone.value.reason is Reason.RESOURCE_NOT_FOUND
    held(leases)
    with pytest.raises(ServiceError) as lost:
        leases.renew(ONE.name, "uid-0")
    assert lost.value.reason is Reason.LEASE_LOST
    assert lost.value.metadata == {"lease": ONE.name}


def test_deregistering_is_idempotent_and_spares_anothers_registration(leases):
    leases.deregister(ONE.name)
    lease = held(leases)
    with pytest.raises(ServiceError):
        leases.deregister(ONE.name, "uid-0")
    leases.deregister(ONE.name, lease.instance.uid)
    assert lease.ended.is_set()


def test_an_update_changes_state_labels_and_version_and_tells_watchers_once(leases, time):
    lease = held(leases)
    time.pass_by(1)
    drained = replace(ONE, state=InstanceState.DRAINING, labels={"zone": "a"}, version="2")
    leases.beat(lease, drained)
    leases.beat(lease, drained)
    assert lease.instance.state is InstanceState.DRAINING
    assert lease.instance.update_time == time.now()
    assert lease.instance.create_time != time.now()
    assert len(changes(leases)) == 2


def test_an_update_cannot_move_the_lease_to_another_instance(leases):
    with pytest.raises(ServiceError) as caught:
        leases.beat(held(leases), TWO)
    assert caught.value.reason is Reason.FIELD_INVALID


def test_instances_are_listed_by_name_and_a_dash_means_every_service(leases):
    held(leases, TWO)
    held(leases, ONE)
    held(leases, Instance("services/a/instances/z", "h:1"))
    assert [one.name for one in leases.instances("audit")] == [ONE.name, TWO.name]
    assert [one.service for one in leases.instances("-")] == ["a", "audit", "audit"]
    assert leases.instances("aud") == []
