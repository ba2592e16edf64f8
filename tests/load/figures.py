"""What a benchmark answers: figures, each with the baseline of the same run where it has one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure and its goal; `better` is `>=` or `<=`."""

    name: str
    value: float
    unit: str
    better: str
    goal: float
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.better == ">=" else self.value <= self.goal

    def __str__(self) -> str:
        """One line of the report."""
        verdict = "met" if self.met else "MISSED"
        goal = f"{self.better} {self.goal:g} {self.unit}"
        return f"{self.name:<58} {self.value:>12,.2f} {self.unit:<10} goal {goal:<22} {verdict:<7} {self.note}"
