"""Edits of what decides a branch."""

from __future__ import annotations

import ast
from collections.abc import Iterator

# ruff: noqa: TID252 (in the tree that it searches, the program has another name)
from ..changes import Change, Kind
from ..scopes import Site, constant, name


def negate(site: Site) -> Iterator[Change]:
    """A condition, or a part of one, becomes its opposite."""
    node = site.node
    part = isinstance(site.parent, ast.BoolOp) or (isinstance(site.parent, ast.comprehension) and site.field == "ifs")
    if (site.is_condition or part) and isinstance(node, ast.expr):
        yield site.replace(ast.UnaryOp(ast.Not(), node))


def condition(site: Site) -> Iterator[Change]:
    """A condition is widened, narrowed or replaced by one about a variable in scope."""
    node = site.node
    if not site.is_condition or not isinstance(node, ast.expr):
        return
    for atom in _atoms(site.names):
        yield site.replace(ast.BoolOp(ast.Or(), [atom, node]))
        yield site.replace(ast.BoolOp(ast.And(), [atom, node]))
        yield site.replace(atom)


def _atoms(names: list[str]) -> Iterator[ast.expr]:
    for identifier in names:
        yield name(identifier)
        yield ast.UnaryOp(ast.Not(), name(identifier))
        yield ast.Compare(name(identifier), [ast.Is()], [constant(None)])
        yield ast.Compare(name(identifier), [ast.IsNot()], [constant(None)])


def guard(site: Site) -> Iterator[Change]:
    """A statement is preceded by `if v: return c`, or `continue` in a loop, for a variable `v` in scope."""
    node = site.node
    if not isinstance(node, ast.stmt) or site.scope.function is None or not _begins_block(site):
        return
    in_loop = isinstance(site.parent, ast.For | ast.While)
    for identifier in site.names:
        for test in (name(identifier), ast.UnaryOp(ast.Not(), name(identifier))):
            for action in _actions(identifier, in_loop):
                yield Change(Kind.BEFORE, node, ast.If(test, [action], []))


def _begins_block(site: Site) -> bool:
    place = site.source.places[site.node]
    if place.index == 0:
        return True
    first = getattr(place.parent, place.field)[0]
    return place.index == 1 and isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)


def _actions(identifier: str, in_loop: bool) -> Iterator[ast.stmt]:
    if in_loop:
        yield ast.Continue()
    values: tuple[ast.expr, ...] = (
        constant(None),
        constant(0),
        constant(False),
        constant(True),
        constant(""),
        ast.List([], ast.Load()),
        name(identifier),
    )
    yield from (ast.Return(value) for value in values)
