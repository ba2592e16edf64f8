"""Automation against execution as a test scripts it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from maestro.automation.v1 import automation_service_pb2 as pb
from maestro.automation.v1 import repair_pb2
from maestro.execution.v1 import run_pb2
from maestro_client import Maestro
from maestro_client.watch import resume
from maestro_services.automation.compose import compose as compose_automation
from maestro_services.runtime.server import Running

from tests.contract.automation.fake_execution import FakeExecution, Script, search_result

SHOP = "def total(a, b):\n    return a - b  # the sum\n"
FILES = {"shop.py": SHOP, "tests/test_shop.py": "def test_a(): ...\n"}
FAILING = {"test_a": "FAIL", "test_b": "PASS", "test_c": "PASS"}
GREEN = dict.fromkeys(FAILING, "PASS")


def edit(**changes: Any) -> dict[str, Any]:
    """A plausible edit as the search reports it."""
    start = SHOP.index("a - b")
    right = {
        "path": "shop.py",
        "start": start,
        "end": start + 5,
        "before": "a - b",
        "after": "a + b",
        "line": 2,
        "column": 12,
        "function": "total",
        "family": "arithmetic-operator",
        "safe": True,
        "score": 1.0,
        "priority": 0.77,
        "case_count": 3,
    }
    return right | changes


@pytest.fixture
def execution() -> FakeExecution:
    """Every step of a repair goes well, unless a test says otherwise."""
    fake = FakeExecution()
    fake.scripts = {
        "reproduction": lambda run: Script(FAILING),
        "search": lambda run: Script(files=search_result(edit())),
        "failing_tests": lambda run: Script({"test_a": "PASS"}),
        "whole_suite": lambda run: Script(GREEN),
        "repeat": lambda run: Script(GREEN),
    }
    return fake


@pytest.fixture
async def running(host, execution: FakeExecution) -> AsyncIterator[Running]:
    async with host(execution.compose, compose_automation) as running:
        yield running


@pytest.fixture
async def maestro(running: Running) -> AsyncIterator[Maestro]:
    async with Maestro(running.address, token=running.token) as maestro:
        yield maestro


@pytest.fixture
def failed_run(execution: FakeExecution) -> run_pb2.Run:
    return execution.add(Script(FAILING), execution.put_tree(FILES))


async def settled(maestro: Maestro, name: str) -> repair_pb2.Repair:
    """The repair when automation has done what it can."""
    repair = repair_pb2.Repair()
    async for message in resume(maestro.automation.watch_repair, pb.WatchRepairRequest(name=name)):
        if message.HasField("repair"):
            repair = message.repair
    return repair


async def healed(maestro: Maestro, run: run_pb2.Run, **request: Any) -> repair_pb2.Repair:
    """Heals a run and waits."""
    response = await maestro.automation.heal_run(pb.HealRunRequest(name=run.name, **request))
    return await settled(maestro, response.repair.name)


def state(repair: repair_pb2.Repair) -> str:
    return repair_pb2.Repair.State.Name(repair.state).removeprefix("STATE_")


def reason(repair: repair_pb2.Repair) -> str:
    return repair_pb2.RepairOutcome.Reason.Name(repair.outcome.reason).removeprefix("REASON_")
