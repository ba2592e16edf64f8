"""Monitors: each failed run of a followed project makes one repair."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from google.protobuf.duration_pb2 import Duration
from maestro.automation.v1 import automation_service_pb2 as pb
from maestro.automation.v1 import monitor_pb2, repair_pb2
from maestro_client import Maestro
from maestro_client.errors import InvalidArgument
from maestro_services.automation.compose import compose as compose_automation

from tests.contract.automation.conftest import FAILING, FILES, GREEN, settled, state
from tests.contract.automation.fake_execution import PARENT, Script

MONITOR = f"{PARENT}/monitor"


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.02)


async def monitor_of(maestro: Maestro) -> monitor_pb2.Monitor:
    return (await maestro.automation.get_monitor(pb.GetMonitorRequest(name=MONITOR))).monitor


async def repairs_of(maestro: Maestro) -> list[repair_pb2.Repair]:
    return list((await maestro.automation.list_repairs(pb.ListRepairsRequest(parent=PARENT))).repairs)


async def test_a_monitor_begins_stopped(maestro):
    monitor = await monitor_of(maestro)
    assert (monitor.state, monitor.repair_count) == (monitor_pb2.Monitor.STATE_STOPPED, 0)


async def test_each_failed_run_makes_one_repair_and_its_own_runs_make_none(maestro, execution):
    await maestro.automation.start_monitoring(pb.StartMonitoringRequest(name=MONITOR))
    root = execution.put_tree(FILES)
    execution.add(Script(GREEN), root)
    execution.add(Script(FAILING), root)
    await until(lambda: _repaired(maestro, 1))
    (repair,) = await repairs_of(maestro)
    assert repair.trigger == repair_pb2.Repair.TRIGGER_MONITOR
    assert state(await settled(maestro, repair.name)) == "AWAITING_APPROVAL"
    execution.add(Script(FAILING), root)
    await until(lambda: _repaired(maestro, 2))
    monitor = await monitor_of(maestro)
    assert (monitor.seen_run_count, monitor.failed_run_count, monitor.repair_count) == (3, 2, 2)
    assert monitor.state == monitor_pb2.Monitor.STATE_FOLLOWING


async def _repaired(maestro: Maestro, count: int) -> bool:
    return (await monitor_of(maestro)).repair_count == count


async def test_runs_before_the_start_are_left_alone(maestro, execution):
    execution.add(Script(FAILING), execution.put_tree(FILES))
    await asyncio.sleep(0.01)
    await maestro.automation.start_monitoring(pb.StartMonitoringRequest(name=MONITOR))
    execution.add(Script(FAILING), execution.put_tree(FILES))
    await until(lambda: _repaired(maestro, 1))
    assert len(await repairs_of(maestro)) == 1


async def test_a_given_budget_is_that_of_the_repairs(maestro, execution):
    budget = repair_pb2.RepairBudget(search_time=Duration(seconds=7))
    started = await maestro.automation.start_monitoring(pb.StartMonitoringRequest(name=MONITOR, budget=budget))
    assert started.monitor.budget.search_time.seconds == 7
    again = await maestro.automation.start_monitoring(pb.StartMonitoringRequest(name=MONITOR))
    assert again.monitor.budget == started.monitor.budget
    execution.add(Script(FAILING), execution.put_tree(FILES))
    await until(lambda: _repaired(maestro, 1))
    assert (await repairs_of(maestro))[0].budget == started.monitor.budget


async def test_a_stopped_monitor_makes_no_repairs(maestro, execution):
    await maestro.automation.start_monitoring(pb.StartMonitoringRequest(name=MONITOR))
    stopped = await maestro.automation.stop_monitoring(pb.StopMonitoringRequest(name=MONITOR))
    assert stopped.monitor.state == monitor_pb2.Monitor.STATE_STOPPED
    execution.add(Script(FAILING), execution.put_tree(FILES))
    await asyncio.sleep(0.3)
    assert await repairs_of(maestro) == []
    assert (await maestro.automation.stop_monitoring(pb.StopMonitoringRequest(name=MONITOR))).monitor == stopped.monitor


async def test_runs_that_fail_while_the_server_is_away_are_not_missed(host, execution):
    async with host(execution.compose, compose_automation) as running, _client(running) as maestro:
        await maestro.automation.start_monitoring(pb.StartMonitoringRequest(name=MONITOR))
        execution.add(Script(FAILING), execution.put_tree(FILES))
        await until(lambda: _repaired(maestro, 1))
    execution.add(Script(FAILING), execution.put_tree(FILES))
    async with host(execution.compose, compose_automation) as running, _client(running) as maestro:
        await until(lambda: _repaired(maestro, 2))
        assert len(await repairs_of(maestro)) == 2


async def test_an_expired_token_loses_no_run_and_repairs_none_twice(host, execution):
    async with host(execution.compose, compose_automation) as running, _client(running) as maestro:
        await maestro.automation.start_monitoring(pb.StartMonitoringRequest(name=MONITOR))
        execution.add(Script(FAILING), execution.put_tree(FILES))
        await until(lambda: _repaired(maestro, 1))
        await settled(maestro, (await repairs_of(maestro))[0].name)
    execution.add(Script(FAILING), execution.put_tree(FILES))
    execution.expired_before = len(execution.changes) + 1
    execution.changes += [execution.changes[-1]] * 2
    async with host(execution.compose, compose_automation) as running, _client(running) as maestro:
        await until(lambda: _repaired(maestro, 2))
        assert len(await repairs_of(maestro)) == 2


async def test_a_run_that_is_gone_does_not_hold_the_monitor_up(maestro, execution):
    await maestro.automation.start_monitoring(pb.StartMonitoringRequest(name=MONITOR))
    gone = execution.add(Script(FAILING), execution.put_tree(FILES))
    del execution.runs[gone.name]
    execution.runs["kept"] = gone
    execution.add(Script(FAILING), execution.put_tree(FILES))
    await until(lambda: _repaired(maestro, 1))


def _client(running) -> Maestro:
    return Maestro(running.address, token=running.token)


@pytest.mark.parametrize("call", ["start_monitoring", "stop_monitoring", "get_monitor"])
async def test_a_malformed_name_is_refused(maestro, call):
    request = {
        "start_monitoring": pb.StartMonitoringRequest,
        "stop_monitoring": pb.StopMonitoringRequest,
        "get_monitor": pb.GetMonitorRequest,
    }[call](name="projects/local")
    with pytest.raises(InvalidArgument) as error:
        await getattr(maestro.automation, call)(request)
    assert error.value.reason == "FIELD_INVALID"
