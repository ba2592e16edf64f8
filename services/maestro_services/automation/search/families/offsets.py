"""Edits around ends and indices."""

from __future__ import annotations

import ast
from collections.abc import Iterator

# ruff: noqa: TID252 (in the tree that it searches, the program has another name)
from ..changes import Change
from ..scopes import Site, constant, name


def off_by_one(site: Site) -> Iterator[Change]:
    """`e` becomes `e + 1` and `e - 1`."""
    node = _number(site)
    if node is not None:
        yield site.replace(ast.BinOp(node, ast.Add(), constant(1)))
        yield site.replace(ast.BinOp(node, ast.Sub(), constant(1)))


def adjust(site: Site) -> Iterator[Change]:
    """`e` becomes `e + c` and `e - c` for another number of the file."""
    node = _number(site)
    if node is not None:
        for number in site.scope.module.numbers:
            yield site.replace(ast.BinOp(node, ast.Add(), constant(number)))
            yield site.replace(ast.BinOp(node, ast.Sub(), constant(number)))


def _number(site: Site) -> ast.expr | None:
    """The node, if it may well be a number that something is done with."""
    node = site.node
    if not site.is_value or not isinstance(node, ast.Name | ast.Call | ast.Subscript | ast.Attribute | ast.BinOp):
        return None
    if site.is_condition or site.field in ("iter", "func") or isinstance(site.parent, ast.Attribute | ast.Expr):
        return None
    return None if isinstance(site.parent, ast.Subscript) and site.field == "value" else node


def bounds(site: Site) -> Iterator[Change]:
    """A slice loses a bound, or moves one by one; `range(n)` begins with 1 or ends one later or earlier."""
    match site.node:
        case ast.Slice(lower=lower, upper=upper, step=step):
            if lower is not None:
                yield site.replace(ast.Slice(None, upper, step))
            if upper is not None:
                yield site.replace(ast.Slice(lower, None, step))
            if step is not None:
                yield site.replace(ast.Slice(lower, upper, None))
            elif lower is None and upper is None:
                yield site.replace(ast.Slice(None, None, ast.UnaryOp(ast.USub(), constant(1))))
            if lower is None:
                yield site.replace(ast.Slice(constant(1), upper, step))
            if upper is None:
                yield site.replace(ast.Slice(lower, ast.UnaryOp(ast.USub(), constant(1)), step))
        case ast.Call(func=ast.Name(id="range"), args=[end]):
            yield site.replace(ast.Call(name("range"), [constant(1), end], []))
            yield site.replace(ast.Call(name("range"), [constant(1), ast.BinOp(end, ast.Add(), constant(1))], []))
        case ast.Call(func=ast.Name(id="range"), args=[_, end]):
            yield site.replace(ast.Call(name("range"), [end], []))


def subsequence(site: Site) -> Iterator[Change]:
    """A name becomes itself without its first or last element, or reversed."""
    node = site.node
    if not site.is_value or not isinstance(node, ast.Name) or site.field == "func":
        return
    minus_one = ast.UnaryOp(ast.USub(), constant(1))
    for part in (
        ast.Slice(constant(1), None, None),
        ast.Slice(None, minus_one, None),
        ast.Slice(None, None, minus_one),
    ):
        yield site.replace(ast.Subscript(node, part, ast.Load()))


def extend(site: Site) -> Iterator[Change]:
    """A name becomes an operation of it with another name in scope, or a power or multiple of it."""
    node = site.node
    if not site.is_value or not isinstance(node, ast.Name) or site.field == "func":
        return
    for other in site.names:
        if other != node.id:
            yield site.replace(ast.Subscript(node, ast.Slice(name(other), None, None), ast.Load()))
            yield site.replace(ast.Subscript(node, ast.Slice(None, name(other), None), ast.Load()))
            yield site.replace(ast.BinOp(node, ast.Add(), name(other)))
            yield site.replace(ast.BinOp(node, ast.Sub(), name(other)))
            yield site.replace(ast.BinOp(node, ast.Mult(), name(other)))
            yield site.replace(ast.Subscript(node, name(other), ast.Load()))
    yield site.replace(ast.BinOp(node, ast.Pow(), constant(2)))
    yield site.replace(ast.BinOp(node, ast.Mult(), constant(2)))
