"""Edits of whole statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator

# ruff: noqa: TID252 (in the tree that it searches, the program has another name)
from ..changes import Change, Kind
from ..scopes import Site, constant, name

_SIMPLE = (ast.Assign, ast.AugAssign, ast.Expr, ast.Return, ast.Raise, ast.Break, ast.Continue, ast.Assert, ast.Delete)


def delete(site: Site) -> Iterator[Change]:
    """A simple statement, or a condition without an alternative, goes."""
    node = site.node
    short_branch = isinstance(node, ast.If) and not node.orelse and len(node.body) <= 2
    if (isinstance(node, _SIMPLE) or short_branch) and isinstance(node, ast.stmt):
        yield Change(Kind.DELETE, node)


def reassign(site: Site) -> Iterator[Change]:
    """`x = e` becomes `x += e` or `x -= e`, and the reverse; `x.m(e)` becomes `x = e`."""
    match site.node:
        case ast.Assign(targets=[ast.Name() | ast.Attribute() | ast.Subscript() as target], value=value):
            for operator in (ast.Add(), ast.Sub(), ast.Mult()):
                yield site.replace(ast.AugAssign(target, operator, value))
        case ast.AugAssign(target=target, value=value):
            yield site.replace(ast.Assign([target], value))
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=identifier)), args=[value])):
            yield site.replace(ast.Assign([ast.Name(identifier, ast.Store())], value))


def jump(site: Site) -> Iterator[Change]:
    """`break`, `continue`, `return` and `pass` become each other."""
    node = site.node
    jumps: tuple[type[ast.stmt], ...] = (ast.Break, ast.Continue, ast.Pass)
    if isinstance(node, (*jumps, ast.Return)):
        for other in jumps:
            if not isinstance(node, other):
                yield site.replace(other())


def insert(site: Site) -> Iterator[Change]:
    """A line is added: `v.append(w)`, `v.add(w)` or `v = w` for variables in scope."""
    node = site.node
    if not isinstance(node, ast.stmt) or site.scope.function is None:
        return
    place = site.source.places[node]
    kinds = [Kind.AFTER, Kind.BEFORE] if place.index == 0 else [Kind.AFTER]
    for kind in kinds:
        for target in site.names:
            for value in site.names:
                if target != value:
                    yield from (Change(kind, node, line) for line in _lines(target, value))


def _lines(target: str, value: str) -> Iterator[ast.stmt]:
    for method in ("append", "add"):
        function = ast.Attribute(name(target), method, ast.Load())
        yield ast.Expr(ast.Call(function, [name(value)], []))
    yield ast.Assign([ast.Name(target, ast.Store())], name(value))


def step(site: Site) -> Iterator[Change]:
    """A line is added that counts a variable up or down, or returns one at the end of the function."""
    node = site.node
    if not isinstance(node, ast.stmt) or site.scope.function is None:
        return
    if site.parent is site.scope.function and site.scope.function.body[-1] is node:
        yield from (Change(Kind.AFTER, node, ast.Return(name(value))) for value in site.names)
    for target in site.names:
        for operator in (ast.Add(), ast.Sub()):
            yield Change(Kind.AFTER, node, ast.AugAssign(ast.Name(target, ast.Store()), operator, constant(1)))
