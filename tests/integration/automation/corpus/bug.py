"""Small programs with one planted defect each, written by hand and not from the search's own families."""

from __future__ import annotations

import dataclasses
import textwrap


@dataclasses.dataclass(frozen=True)
class Bug:
    """A right program, the fragment that is wrong in the broken one, and checks as Python expressions."""

    name: str
    kind: str
    right: str
    fragment: tuple[str, str]
    checks: tuple[str, ...]
    solvable: bool = True

    @property
    def correct(self) -> str:
        """The right program."""
        return textwrap.dedent(self.right).lstrip()

    @property
    def broken(self) -> str:
        """The program with its defect."""
        right, wrong = self.fragment
        program = self.correct
        assert program.count(right) == 1, f"{self.name}: {right!r} stands {program.count(right)} times"
        return program.replace(right, wrong)

    @property
    def tests(self) -> str:
        """A test file with one test for each check."""
        body = "\n".join(f"def test_{number}():\n    assert {check}\n" for number, check in enumerate(self.checks))
        return f"from bug_{self.name} import *\n\n{body}"
