"""Reading, watching, cancelling and completing repairs."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import pytest
from maestro.automation.v1 import automation_service_pb2 as pb
from maestro.automation.v1 import repair_pb2
from maestro_client import Maestro
from maestro_client.errors import (
    AlreadyExists,
    Draining,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
)
from maestro_services.automation.compose import compose as compose_automation

from tests.contract.automation.conftest import FAILING, FILES, healed, reason, settled, state
from tests.contract.automation.fake_execution import PARENT, Script

NOBODYS = "projects/local/repairs/none"


@pytest.fixture
def hanging(execution, failed_run):
    """A failed run whose repetition does not end."""
    execution.scripts["reproduction"] = lambda _: Script(FAILING, hangs=True)
    return failed_run


async def waiting(maestro, execution, run) -> repair_pb2.Repair:
    """A repair whose repetition is under way."""
    repair = (await maestro.automation.heal_run(pb.HealRunRequest(name=run.name))).repair
    async with asyncio.timeout(5):
        async for message in maestro.automation.watch_repair(pb.WatchRepairRequest(name=repair.name)):
            if message.repair.evidence:
                return message.repair
    raise AssertionError("the repair ended")


async def test_a_repair_is_got_as_it_is(maestro, failed_run):
    repair = await healed(maestro, failed_run)
    assert (await maestro.automation.get_repair(pb.GetRepairRequest(name=repair.name))).repair == repair


async def _watch_first(maestro: Maestro) -> object:
    return await anext(maestro.automation.watch_repair(pb.WatchRepairRequest(name=NOBODYS)))


UNKNOWN: dict[str, Callable[[Maestro], Awaitable[object]]] = {
    "get": lambda maestro: maestro.automation.get_repair(pb.GetRepairRequest(name=NOBODYS)),
    "watch": _watch_first,
    "cancel": lambda maestro: maestro.automation.cancel_repair(pb.CancelRepairRequest(name=NOBODYS)),
    "record": lambda maestro: maestro.automation.record_application(
        pb.RecordApplicationRequest(name=NOBODYS, patch_sha256="0" * 64)
    ),
}


@pytest.mark.parametrize("call", UNKNOWN)
async def test_an_unknown_repair_is_not_found(maestro, call):
    with pytest.raises(NotFound) as error:
        await UNKNOWN[call](maestro)
    assert error.value.metadata == {"name": NOBODYS}


async def test_repairs_are_listed_newest_first_in_stable_pages(maestro, execution):
    runs = [execution.add(Script(FAILING), execution.put_tree(FILES)) for _ in range(5)]
    names = [(await healed(maestro, run)).name for run in runs]
    request = pb.ListRepairsRequest(parent=PARENT, page_size=2)
    listed = []
    while True:
        page = await maestro.automation.list_repairs(request)
        listed += [repair.name for repair in page.repairs]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert listed == names[::-1]


async def test_repairs_are_filtered(maestro, execution, failed_run):
    proved = await healed(maestro, failed_run)
    execution.scripts["reproduction"] = lambda _: Script(dict.fromkeys(FAILING, "PASS"))
    refused = await healed(maestro, execution.add(Script(FAILING), execution.put_tree(FILES)))

    async def names(condition: str) -> list[str]:
        request = pb.ListRepairsRequest(parent=PARENT, filter=condition)
        return [repair.name for repair in (await maestro.automation.list_repairs(request)).repairs]

    assert await names("state = AWAITING_APPROVAL") == [proved.name]
    assert await names("reason = NOT_REPRODUCED AND trigger = REQUEST") == [refused.name]
    assert await names(f'run = "{failed_run.name}"') == [proved.name]
    assert await names('create_time < "2020-01-01T00:00:00Z"') == []
    assert await names("NOT state = REFUSED") == [proved.name]


@pytest.mark.parametrize("condition", ["state = BROKEN", "patch = x", 'create_time > "now"', "state >", "run : x"])
async def test_a_bad_filter_is_refused(maestro, condition):
    with pytest.raises(InvalidArgument) as error:
        await maestro.automation.list_repairs(pb.ListRepairsRequest(parent=PARENT, filter=condition))
    assert error.value.reason == "FILTER_INVALID"


async def test_a_page_token_of_another_list_is_refused(maestro):
    request = pb.ListRepairsRequest(parent=PARENT, page_token="forged")
    with pytest.raises(InvalidArgument) as error:
        await maestro.automation.list_repairs(request)
    assert error.value.reason == "PAGE_TOKEN_INVALID"


async def test_a_watch_shows_every_state_and_ends_with_the_patch(maestro, failed_run):
    repair = (await maestro.automation.heal_run(pb.HealRunRequest(name=failed_run.name))).repair
    states = []
    async for message in maestro.automation.watch_repair(pb.WatchRepairRequest(name=repair.name)):
        if not states or states[-1] != state(message.repair):
            states.append(state(message.repair))
    assert states[-1] == "AWAITING_APPROVAL"
    assert states == sorted(states, key=lambda name: repair_pb2.Repair.State.Value(f"STATE_{name}"))


async def test_a_cut_watch_goes_on_behind_its_token(maestro, execution, hanging):
    repair = await waiting(maestro, execution, hanging)
    stream = maestro.automation.watch_repair(pb.WatchRepairRequest(name=repair.name))
    token = (await anext(stream)).resume_token
    await stream.aclose()
    await maestro.automation.cancel_repair(pb.CancelRepairRequest(name=repair.name))
    request = pb.WatchRepairRequest(name=repair.name, resume_token=token)
    seen = [state(message.repair) async for message in maestro.automation.watch_repair(request)]
    assert seen == ["CANCELLED"]


async def test_a_token_of_another_repair_is_refused(maestro, failed_run):
    repair = await healed(maestro, failed_run)
    request = pb.WatchRepairRequest(name=repair.name, resume_token="forged")
    with pytest.raises(InvalidArgument) as error:
        await anext(maestro.automation.watch_repair(request))
    assert error.value.reason == "RESUME_TOKEN_INVALID"


async def test_a_draining_server_ends_the_watch(maestro, running, execution, hanging):
    repair = await waiting(maestro, execution, hanging)
    stream = maestro.automation.watch_repair(pb.WatchRepairRequest(name=repair.name))
    await anext(stream)
    running.platform.draining.set()
    with pytest.raises(Draining):
        async for _ in stream:
            pass


async def test_a_cancelled_repair_ends_the_run_that_it_waits_for(maestro, execution, hanging):
    repair = await waiting(maestro, execution, hanging)
    request = pb.CancelRepairRequest(name=repair.name, reason="not now", request_id=str(uuid.uuid4()))
    cancelled = (await maestro.automation.cancel_repair(request)).repair
    assert (state(cancelled), reason(cancelled), cancelled.outcome.message) == ("CANCELLED", "CANCELLED", "not now")
    await asyncio.wait_for(execution.cancellation.wait(), 5)
    assert execution.cancelled == [repair.evidence[0].run]
    assert (await maestro.automation.cancel_repair(request)).repair == cancelled
    request.reason = "another"
    with pytest.raises(AlreadyExists):
        await maestro.automation.cancel_repair(request)


async def test_a_waiting_patch_can_be_rejected(maestro, failed_run):
    repair = await healed(maestro, failed_run)
    cancelled = (await maestro.automation.cancel_repair(pb.CancelRepairRequest(name=repair.name))).repair
    assert (state(cancelled), reason(cancelled)) == ("CANCELLED", "REJECTED")
    with pytest.raises(FailedPrecondition) as error:
        await maestro.automation.cancel_repair(pb.CancelRepairRequest(name=repair.name))
    assert error.value.metadata["state"] == "CANCELLED"


async def test_an_application_is_recorded_once(maestro, failed_run):
    repair = await healed(maestro, failed_run)
    request = pb.RecordApplicationRequest(name=repair.name, patch_sha256=repair.patch.sha256)
    applied = (await maestro.automation.record_application(request)).repair
    assert state(applied) == "APPLIED"
    assert (await maestro.automation.record_application(request)).repair == applied
    assert len(applied.history) == len(repair.history) + 1


async def test_another_patch_is_not_recorded(maestro, failed_run):
    repair = await healed(maestro, failed_run)
    request = pb.RecordApplicationRequest(name=repair.name, patch_sha256="0" * 64)
    with pytest.raises(FailedPrecondition) as error:
        await maestro.automation.record_application(request)
    assert error.value.reason == "PATCH_MISMATCH"
    assert error.value.metadata["expected"] == repair.patch.sha256


async def test_a_repair_without_a_patch_has_nothing_to_record(maestro, execution, hanging):
    repair = await waiting(maestro, execution, hanging)
    request = pb.RecordApplicationRequest(name=repair.name, patch_sha256="0" * 64)
    with pytest.raises(FailedPrecondition) as error:
        await maestro.automation.record_application(request)
    assert error.value.reason == "STATE_INVALID"


async def test_a_call_without_a_token_is_refused(running):
    async with Maestro(running.address) as stranger:
        with pytest.raises(Unauthenticated):
            await stranger.automation.list_repairs(pb.ListRepairsRequest(parent=PARENT))


async def test_monitoring_is_not_for_services(running):
    async with Maestro(running.address, token=running.platform.secret.token_for("templates")) as service:
        await service.automation.list_repairs(pb.ListRepairsRequest(parent=PARENT))
        with pytest.raises(PermissionDenied) as error:
            await service.automation.start_monitoring(pb.StartMonitoringRequest(name="projects/local/monitor"))
    assert error.value.metadata["permission"] == "automation.monitor.start"


async def test_a_restarted_server_goes_on_where_it_was(host, execution, hanging):
    async with host(execution.compose, compose_automation) as running, _client(running) as maestro:
        repair = await waiting(maestro, execution, hanging)
    # The run ends while nobody looks.
    execution.finish(execution.runs[repair.evidence[0].run], Script(FAILING))
    async with host(execution.compose, compose_automation) as running, _client(running) as maestro:
        assert state(await settled(maestro, repair.name)) == "AWAITING_APPROVAL"
    assert len(execution.of("reproduction")) == 1


def _client(running) -> Maestro:
    return Maestro(running.address, token=running.token)
