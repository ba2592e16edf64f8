"""The families of edits, cheapest first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

# ruff: noqa: TID252 (in the tree that it searches, the program has another name)
from ..changes import Change
from ..scopes import Site
from . import conditions, constants, naming, offsets, operands, operators, statements, values


@dataclasses.dataclass(frozen=True)
class Family:
    """A kind of edit: how unlikely it is, and whether it exchanges like for like."""

    name: str
    cost: float
    safe: bool
    changes: Callable[[Site], Iterator[Change]]


FAMILIES: tuple[Family, ...] = (
    Family("comparison-operator", 1, True, operators.comparison_operator),
    Family("boolean-operator", 1, True, operators.boolean_operator),
    Family("arithmetic-operator", 1, True, operators.arithmetic_operator),
    Family("literal", 1, True, constants.literal),
    Family("negative-literal", 1, True, constants.minus_one),
    Family("twin-function", 1, True, constants.twin),
    Family("swap", 2, True, operands.swap),
    Family("unary-operator", 2, True, operators.unary_operator),
    Family("drop-operand", 2, True, operands.drop_operand),
    Family("drop", 2, False, operands.drop),
    Family("regroup", 2, True, operands.regroup),
    Family("variable", 2, True, naming.variable),
    Family("attribute", 2, True, naming.attribute),
    Family("off-by-one", 2, True, offsets.off_by_one),
    Family("negate", 2, True, conditions.negate),
    Family("empty-literal", 2, True, constants.empty_literal),
    Family("bounds", 2, True, offsets.bounds),
    Family("reassign", 3, True, statements.reassign),
    Family("exception", 3, True, naming.exception),
    Family("function", 3, True, naming.function),
    Family("to-name", 3, True, values.to_name),
    Family("subsequence", 3, True, offsets.subsequence),
    Family("enclose", 3, True, values.enclose),
    Family("keyword", 3, True, values.keyword),
    Family("jump", 3, False, statements.jump),
    Family("other-literal", 3, True, constants.other_literal),
    Family("string", 4, True, constants.string),
    Family("extend", 4, True, offsets.extend),
    Family("condition", 4, False, conditions.condition),
    Family("returned", 4, True, values.returned),
    Family("store", 4, True, naming.store),
    Family("delete", 4, False, statements.delete),
    Family("wrap", 4, True, values.wrap),
    Family("adjust", 5, True, offsets.adjust),
    Family("reuse", 5, True, values.reuse),
    Family("step", 5, False, statements.step),
    Family("insert", 6, False, statements.insert),
    Family("guard", 6, False, conditions.guard),
)
