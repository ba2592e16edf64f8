"""Edits that exchange operators."""

from __future__ import annotations

import ast
from collections.abc import Iterator

# ruff: noqa: TID252 (in the tree that it searches, the program has another name)
from ..changes import Change
from ..scopes import Site

# The likeliest confusion first: a bound taken in or left out, the opposite, the other direction.
_CONFUSED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE, ast.Gt, ast.NotEq, ast.Eq),
    ast.LtE: (ast.Lt, ast.Gt, ast.GtE, ast.Eq, ast.NotEq),
    ast.Gt: (ast.GtE, ast.LtE, ast.Lt, ast.NotEq, ast.Eq),
    ast.GtE: (ast.Gt, ast.Lt, ast.LtE, ast.Eq, ast.NotEq),
    ast.Eq: (ast.NotEq, ast.LtE, ast.GtE, ast.Lt, ast.Gt),
    ast.NotEq: (ast.Eq, ast.Lt, ast.Gt, ast.LtE, ast.GtE),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: tuple[type[ast.operator], ...] = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.Div, ast.Pow)
_NEUTRAL = {ast.Add: 0, ast.Sub: 0, ast.Mult: 1, ast.FloorDiv: 1, ast.Div: 1, ast.Pow: 1}
_BITS: tuple[type[ast.operator], ...] = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift)


def comparison_operator(site: Site) -> Iterator[Change]:
    """`a < b` becomes `a <= b`; in chains each operator in turn."""
    node = site.node
    if not isinstance(node, ast.Compare):
        return
    for index, operator in enumerate(node.ops):
        for other in _CONFUSED[type(operator)]:
            ops = [*node.ops[:index], other(), *node.ops[index + 1 :]]
            yield site.replace(ast.Compare(node.left, ops, node.comparators))


def boolean_operator(site: Site) -> Iterator[Change]:
    """`a and b` becomes `a or b`, and the reverse."""
    node = site.node
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield site.replace(ast.BoolOp(other, node.values))


def arithmetic_operator(site: Site) -> Iterator[Change]:
    """`a + b` becomes `a - b`; `a & b` becomes `a | b`; augmented assignments likewise."""
    node = site.node
    if isinstance(node, ast.BinOp):
        for operator in _others(node.op):
            if not is_neutral(operator, node.right):
                yield site.replace(ast.BinOp(node.left, operator, node.right))
    elif isinstance(node, ast.AugAssign):
        for operator in _others(node.op):
            yield site.replace(ast.AugAssign(node.target, operator, node.value))


def _others(operator: ast.operator) -> Iterator[ast.operator]:
    for group in (_ARITHMETIC, _BITS):
        if isinstance(operator, group):
            yield from (other() for other in group if not isinstance(operator, other))


def is_neutral(operator: ast.operator, right: ast.expr) -> bool:
    """Whether an operation does nothing, such as `a + 0`: dropping it says the same more plainly."""
    value = right.value if isinstance(right, ast.Constant) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value == _NEUTRAL.get(type(operator))


def unary_operator(site: Site) -> Iterator[Change]:
    """`-a` and `not a` become `a`; a number in an operation becomes its negative."""
    node = site.node
    if isinstance(node, ast.UnaryOp):
        yield site.replace(node.operand)
    elif site.is_value and isinstance(node, ast.Name | ast.Call | ast.BinOp) and isinstance(site.parent, ast.Return):
        yield site.replace(ast.UnaryOp(ast.USub(), node))
