"""RegistryService: leases held by streams and renewed by calls, over a real server."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from maestro.registry.v1 import instance_pb2, registry_service_pb2_grpc
from maestro.registry.v1 import registry_service_pb2 as pb
from maestro_client import Maestro, errors
from maestro_services.registry.compose import compose

PARENT = "services/shop"


def instance(instance_id: str = "one", port: int = 7001, **fields: object) -> instance_pb2.Instance:
    return instance_pb2.Instance(name=f"{PARENT}/instances/{instance_id}", address=f"10.0.0.1:{port}", **fields)


class Holder:
    """A process that holds a lease."""

    def __init__(self, client: Maestro, first: instance_pb2.Instance | None) -> None:
        self._sent: asyncio.Queue[pb.HoldLeaseRequest | None] = asyncio.Queue()
        self.say(first)
        self.answers = client.registry.hold_lease(self._requests())

    def say(self, told: instance_pb2.Instance | None = None) -> None:
        self._sent.put_nowait(pb.HoldLeaseRequest(instance=told))

    def finish(self) -> None:
        self._sent.put_nowait(None)

    async def _requests(self) -> AsyncIterator[pb.HoldLeaseRequest]:
        while (request := await self._sent.get()) is not None:
            yield request


async def names(client: Maestro) -> list[str]:
    response = await client.registry.list_instances(pb.ListInstancesRequest(parent=PARENT))
    return [one.name.rpartition("/")[2] for one in response.instances]


async def next_names(updates: AsyncIterator[pb.WatchInstancesResponse]) -> tuple[str, str]:
    update = await anext(updates)
    return update.instance.name.rpartition("/")[2], update.removed_name.rpartition("/")[2]


async def watch(client: Maestro, token: str = "") -> AsyncIterator[pb.WatchInstancesResponse]:
    request = pb.WatchInstancesRequest(parent=PARENT, resume_token=token)
    return client.registry.watch_instances(request)


async def test_the_first_answer_confirms_the_instance_and_the_terms(service):
    holder = Holder(service, instance(labels={"zone": "a"}))
    answer = await anext(holder.answers)
    assert answer.instance.uid
    assert answer.instance.state == instance_pb2.Instance.STATE_READY
    assert answer.instance.labels == {"zone": "a"}
    assert not answer.instance.HasField("expire_time")
    assert answer.lease_ttl.seconds == 15
    assert await names(service) == ["one"]


async def test_ending_the_stream_in_order_ends_the_lease(service):
    holder = Holder(service, instance())
    await anext(holder.answers)
    holder.say()
    holder.finish()
    assert [answer async for answer in holder.answers] == []
    assert await names(service) == []


async def test_cutting_the_connection_ends_the_lease_and_watchers_hear_of_it(service, client_of, running):
    other = client_of(running.platform.secret.token_for("execution"))
    holder = Holder(other, instance())
    await anext(holder.answers)
    updates = await watch(service)
    assert [one.name for one in (await anext(updates)).snapshot.instances] == [instance().name]
    await other.close()
    assert await next_names(updates) == ("", "one")


async def test_an_update_is_answered_and_seen_by_watchers(service):
    holder = Holder(service, instance())
    await anext(holder.answers)
    updates = await watch(service)
    await anext(updates)
    holder.say(instance(state=instance_pb2.Instance.STATE_DRAINING))
    assert (await anext(holder.answers)).instance.state == instance_pb2.Instance.STATE_DRAINING
    assert (await anext(updates)).instance.state == instance_pb2.Instance.STATE_DRAINING


async def test_a_newer_registration_of_the_name_aborts_the_older_stream(service):
    old = Holder(service, instance())
    await anext(old.answers)
    new = Holder(service, instance(port=7002))
    await anext(new.answers)
    with pytest.raises(errors.LeaseLost) as caught:
        await anext(old.answers)
    assert caught.value.metadata == {"lease": instance().name}
    assert await names(service) == ["one"]


async def test_a_newer_registration_of_the_address_aborts_the_older_stream(service):
    old = Holder(service, instance("one"))
    await anext(old.answers)
    new = Holder(service, instance("two"))
    await anext(new.answers)
    with pytest.raises(errors.LeaseLost):
        await anext(old.answers)
    assert await names(service) == ["two"]


async def test_silence_ends_a_held_lease(host, monkeypatch):
    monkeypatch.setenv("MAESTRO_REGISTRY_LEASE_TTL_SECONDS", "1")
    async with host(compose) as running:
        client = Maestro(running.address, token=running.platform.secret.token_for("audit"))
        holder = Holder(client, instance())
        await anext(holder.answers)
        with pytest.raises(errors.LeaseLost):
            await anext(holder.answers)
        assert await names(client) == []
        await client.close()


async def test_a_stream_without_an_instance_first_is_refused(service):
    with pytest.raises(errors.InvalidArgument) as caught:
        await anext(Holder(service, None).answers)
    assert caught.value.reason == "HELLO_EXPECTED"


async def test_a_stream_that_ends_before_it_begins_is_refused(service):
    async def nothing() -> AsyncIterator[pb.HoldLeaseRequest]:
        for none in ():
            yield none

    with pytest.raises(errors.InvalidArgument) as caught:
        await anext(service.registry.hold_lease(nothing()))
    assert caught.value.reason == "HELLO_EXPECTED"


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("instance.name", {"name": "services/shop/instances/UPPER"}),
        ("instance.address", {"address": "nowhere"}),
        ("instance.version", {"version": "x" * 65}),
        ("instance.state", {"state": 77}),
    ],
)
async def test_a_field_that_breaks_its_rule_is_named(service, field, bad):
    wrong = instance()
    wrong.MergeFrom(instance_pb2.Instance(**bad))
    with pytest.raises(errors.InvalidArgument) as caught:
        await anext(Holder(service, wrong).answers)
    assert [violation.subject for violation in caught.value.violations] == [field]
    with pytest.raises(errors.InvalidArgument):
        await service.registry.register_instance(pb.RegisterInstanceRequest(instance=wrong))


async def test_an_update_of_another_instance_is_refused_and_ends_the_lease(service):
    holder = Holder(service, instance())
    await anext(holder.answers)
    holder.say(instance("two"))
    with pytest.raises(errors.InvalidArgument) as caught:
        await anext(holder.answers)
    assert caught.value.reason == "FIELD_INVALID"
    assert await names(service) == []


async def test_an_update_that_breaks_a_rule_is_refused(service):
    holder = Holder(service, instance())
    await anext(holder.answers)
    holder.say(instance(version="x" * 65))
    with pytest.raises(errors.InvalidArgument):
        await anext(holder.answers)


async def test_a_registered_instance_is_renewed_and_goes_when_it_is_not(service):
    request = pb.RegisterInstanceRequest(instance=instance(), lease_ttl=Duration(seconds=1))
    registered = await service.registry.register_instance(request)
    renewal = pb.RenewLeaseRequest(name=instance().name, uid=registered.instance.uid)
    renewed = await service.registry.renew_lease(renewal)
    assert renewed.instance.expire_time.ToDatetime() > registered.instance.expire_time.ToDatetime()
    updates = await watch(service)
    await anext(updates)
    assert await next_names(updates) == ("", "one")
    with pytest.raises(errors.NotFound) as caught:
        await service.registry.renew_lease(renewal)
    assert caught.value.metadata == {"name": instance().name}


async def test_the_default_time_to_live_is_fifteen_seconds_and_its_bounds_are_kept(service):
    answer = await service.registry.register_instance(pb.RegisterInstanceRequest(instance=instance()))
    assert answer.lease_ttl.seconds == 15
    for seconds in (0, 601):
        with pytest.raises(errors.InvalidArgument) as caught:
            await service.registry.register_instance(
                pb.RegisterInstanceRequest(instance=instance(), lease_ttl=Duration(seconds=seconds))
            )
        assert caught.value.violations[0].subject == "lease_ttl"


async def test_renewing_or_deregistering_anothers_registration_is_aborted(service):
    await service.registry.register_instance(pb.RegisterInstanceRequest(instance=instance()))
    with pytest.raises(errors.LeaseLost):
        await service.registry.renew_lease(pb.RenewLeaseRequest(name=instance().name, uid=str(uuid4())))
    with pytest.raises(errors.LeaseLost):
        await service.registry.deregister_instance(pb.DeregisterInstanceRequest(name=instance().name, uid=str(uuid4())))
    assert await names(service) == ["one"]


async def test_deregistering_is_idempotent(service):
    await service.registry.register_instance(pb.RegisterInstanceRequest(instance=instance()))
    for _ in range(2):
        await service.registry.deregister_instance(pb.DeregisterInstanceRequest(name=instance().name))
    assert await names(service) == []


async def test_only_services_of_the_mesh_register(client_of, admin, running):
    from maestro.registry.v1 import token_pb2, token_service_pb2

    asked = token_service_pb2.CreateTokenRequest(
        parent="projects/shop", token=token_pb2.Token(display_name="ci", role=40)
    )
    project_admin = client_of((await admin.tokens.create_token(asked)).secret)
    calls = [
        anext(Holder(project_admin, instance()).answers),
        project_admin.registry.register_instance(pb.RegisterInstanceRequest(instance=instance())),
        project_admin.registry.renew_lease(pb.RenewLeaseRequest(name=instance().name, uid="x")),
        project_admin.registry.deregister_instance(pb.DeregisterInstanceRequest(name=instance().name)),
    ]
    for call in calls:
        with pytest.raises(errors.PermissionDenied) as caught:
            await call
        assert caught.value.reason == "PERMISSION_DENIED"
    assert await names(project_admin) == []


async def test_pages_hold_every_instance_once_and_a_forged_token_is_refused(service):
    for number in range(5):
        request = pb.RegisterInstanceRequest(instance=instance(f"i{number}", 7000 + number))
        await service.registry.register_instance(request)
    seen, token = [], ""
    while True:
        page = await service.registry.list_instances(
            pb.ListInstancesRequest(parent=PARENT, page_size=2, page_token=token)
        )
        seen += [one.name for one in page.instances]
        token = page.next_page_token
        if not token:
            break
        kept = token
    assert seen == [instance(f"i{number}").name for number in range(5)]
    for parent, bad in (("services/-", kept), (PARENT, "forged"), (PARENT, kept[:-2])):
        with pytest.raises(errors.InvalidArgument) as caught:
            await service.registry.list_instances(pb.ListInstancesRequest(parent=parent, page_token=bad))
        assert caught.value.reason == "PAGE_TOKEN_INVALID"


async def test_a_watch_that_was_cut_goes_on_behind_its_token(service):
    updates = await watch(service)
    token = (await anext(updates)).resume_token
    await updates.aclose()
    for number in range(3):
        await service.registry.register_instance(
            pb.RegisterInstanceRequest(instance=instance(f"i{number}", 7000 + number))
        )
    resumed = await watch(service, token)
    assert [await next_names(resumed) for _ in range(3)] == [("i0", ""), ("i1", ""), ("i2", "")]


async def test_a_resume_token_of_another_service_is_refused(service):
    updates = await watch(service)
    token = (await anext(updates)).resume_token
    request = pb.WatchInstancesRequest(parent="services/other", resume_token=token)
    with pytest.raises(errors.InvalidArgument) as caught:
        await anext(service.registry.watch_instances(request))
    assert caught.value.reason == "RESUME_TOKEN_INVALID"


async def test_draining_ends_watches_and_leases_and_a_restart_begins_with_a_snapshot(host):
    async with host(compose) as running:
        client = Maestro(running.address, token=running.platform.secret.token_for("audit"))
        updates = await watch(client)
        token = (await anext(updates)).resume_token
        holder = Holder(client, instance())
        await anext(holder.answers)
        await anext(updates)
        running.platform.draining.set()
        for stream in (updates, holder.answers):
            with pytest.raises(errors.Draining):
                _ = [message async for message in stream]
        await client.close()
    async with host(compose) as running:
        client = Maestro(running.address, token=running.platform.secret.token_for("audit"))
        again = await anext(await watch(client, token))
        assert again.HasField("snapshot")
        await client.close()


async def test_a_server_registers_itself(admin):
    updates = admin.registry.watch_instances(pb.WatchInstancesRequest(parent="services/registry"))
    found = list((await anext(updates)).snapshot.instances)
    while not found:
        update = await anext(updates)
        found = [update.instance] if update.HasField("instance") else []
    assert found[0].state == instance_pb2.Instance.STATE_READY


async def test_a_call_whose_time_is_up_or_that_is_cancelled_leaves_the_registry_serving(service, running):
    token = running.platform.secret.token_for("audit")
    async with grpc.aio.insecure_channel(running.address) as channel:
        stub = registry_service_pb2_grpc.RegistryServiceStub(channel)
        metadata = (("authorization", f"Bearer {token}"),)
        call = stub.WatchInstances(pb.WatchInstancesRequest(parent=PARENT), timeout=0.3, metadata=metadata)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            [update async for update in call]
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        call = stub.WatchInstances(pb.WatchInstancesRequest(parent=PARENT), metadata=metadata)
        await call.read()
        call.cancel()
    assert await names(service) == []
