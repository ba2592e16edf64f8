"""Small projects that are run and repaired."""

from pathlib import Path

from maestro.automation.v1 import automation_service_pb2 as pb
from maestro.automation.v1 import repair_pb2
from maestro.execution.v1 import run_pb2
from maestro_client import Maestro
from maestro_client.watch import resume

PARENT = "projects/local"

CART = '''"""A cart."""


class Cart:
    """What somebody wants to buy."""

    def __init__(self):
        self.lines = []

    def add(self, name, price, count=1):
        if count <= 0:
            raise ValueError("count")
        self.lines.append((name, price, count))

    def total(self):
        # every line counts
        return sum(price * count for _, price, count in self.lines)  # in cents


def cheapest(cart):
    return min(cart.lines, key=lambda line: line[1])[0]
'''

CART_TESTS = """import pytest

from cart import Cart, cheapest


@pytest.fixture
def cart():
    cart = Cart()
    cart.add("tea", 300)
    cart.add("bread", 200, 5)
    return cart


def test_the_total_is_of_all_lines(cart):
    assert cart.total() == 1300


def test_an_empty_cart_costs_nothing():
    assert Cart().total() == 0


def test_nothing_is_bought_less_than_once(cart):
    with pytest.raises(ValueError, match="count"):
        cart.add("air", 1, 0)


def test_the_cheapest_is_found(cart):
    assert cheapest(cart) == "bread"


@pytest.mark.parametrize("count", range(1, 31))
def test_many(count):
    cart = Cart()
    cart.add("a", 7, count)
    assert cart.total() == 7 * count
"""


class Project:
    """A folder of files, its runs and its repairs."""

    def __init__(self, maestro: Maestro, folder: Path) -> None:
        self.maestro = maestro
        self.folder = folder

    def write(self, **files: str) -> None:
        self.folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)

    async def run(self, **spec: object) -> run_pb2.Run:
        """Runs the project's tests to their end."""
        wanted = run_pb2.Run(
            display_name="the project", spec=run_pb2.RunSpec(**{"pytest": run_pb2.PytestPlan()} | spec)
        )
        run = await self.maestro.run_tree(PARENT, self.folder, wanted)
        return await self.maestro.wait_run(run.name)

    async def heal(self, run: run_pb2.Run, **request: object) -> repair_pb2.Repair:
        """Heals a run, and waits until automation has done what it can."""
        response = await self.maestro.automation.heal_run(pb.HealRunRequest(name=run.name, **request))
        return await self.settled(response.repair.name)

    async def settled(self, name: str) -> repair_pb2.Repair:
        repair = repair_pb2.Repair()
        request = pb.WatchRepairRequest(name=name)
        async for message in resume(self.maestro.automation.watch_repair, request):
            if message.HasField("repair"):
                repair = message.repair
        return repair


def state(repair: repair_pb2.Repair) -> str:
    return repair_pb2.Repair.State.Name(repair.state).removeprefix("STATE_")


def reason(repair: repair_pb2.Repair) -> str:
    return repair_pb2.RepairOutcome.Reason.Name(repair.outcome.reason).removeprefix("REASON_")
