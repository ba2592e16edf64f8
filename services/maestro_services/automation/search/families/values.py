"""Edits that put another value in an expression's place."""

from __future__ import annotations

import ast
from collections.abc import Iterator

# ruff: noqa: TID252 (in the tree that it searches, the program has another name)
from ..changes import Change
from ..scopes import Site, call, constant, name

_WRAPPERS = ("abs", "len", "sorted", "set", "list", "int", "str", "float", "round", "sum", "reversed", "tuple")
_METHODS = ("strip", "lower", "upper", "copy", "items", "keys", "values", "split")


def to_name(site: Site) -> Iterator[Change]:
    """A subscript, call, attribute or literal becomes a variable in scope."""
    node = site.node
    if not site.is_value or site.field == "func" or isinstance(site.parent, ast.Expr | ast.JoinedStr):
        return
    if isinstance(node, ast.Subscript | ast.Call | ast.Constant | ast.Attribute | ast.BinOp):
        yield from (site.replace(name(other)) for other in site.names)


def enclose(site: Site) -> Iterator[Change]:
    """An iterated expression is listed first; an assigned or returned one is bounded by 0 or by its target."""
    node = site.node
    if not isinstance(node, ast.expr) or not site.is_value:
        return
    if site.field == "iter":
        yield site.replace(call("list", node))
        yield site.replace(call("reversed", node))
        yield site.replace(call("sorted", node))
        yield site.replace(call("enumerate", node))
    if site.field == "value" and isinstance(site.parent, ast.Assign | ast.Return):
        for function in ("max", "min"):
            yield site.replace(call(function, constant(0), node))
            if isinstance(site.parent, ast.Assign) and isinstance(site.parent.targets[0], ast.Name):
                yield site.replace(call(function, name(site.parent.targets[0].id), node))


def wrap(site: Site) -> Iterator[Change]:
    """An expression becomes a call on it: `abs(e)`, `e.strip()`."""
    node = site.node
    if not isinstance(node, ast.expr) or not site.is_value or site.field == "func" or site.is_condition:
        return
    if isinstance(node, ast.Constant | ast.Compare | ast.BoolOp | ast.JoinedStr | ast.Slice):
        return
    if isinstance(site.parent, ast.Expr | ast.Attribute):
        return
    for function in _WRAPPERS:
        yield site.replace(call(function, node))
    if isinstance(node, ast.Name | ast.Subscript | ast.Attribute | ast.Call):
        for method in _METHODS:
            yield site.replace(ast.Call(ast.Attribute(node, method, ast.Load()), [], []))


def returned(site: Site) -> Iterator[Change]:
    """A returned value becomes a usual form of a variable, or is joined with one."""
    node = site.node
    if not isinstance(node, ast.expr) or not isinstance(site.parent, ast.Return):
        return
    for other in site.names:
        yield site.replace(ast.List([name(other)], ast.Load()))
        yield site.replace(ast.Compare(name(other), [ast.Eq()], [constant(0)]))
        yield site.replace(ast.UnaryOp(ast.Not(), name(other)))
        yield site.replace(call("len", name(other)))
        yield site.replace(ast.BinOp(name(other), ast.Add(), node))
        yield site.replace(ast.BinOp(node, ast.Add(), name(other)))
        yield site.replace(ast.BinOp(name(other), ast.Sub(), node))
        yield site.replace(ast.BinOp(node, ast.Sub(), name(other)))


def reuse(site: Site) -> Iterator[Change]:
    """An expression becomes another small one of the same top-level function."""
    node = site.node
    if not site.is_value or site.field == "func" or isinstance(node, ast.Slice | ast.JoinedStr):
        return
    if isinstance(site.parent, ast.Expr | ast.JoinedStr | ast.FormattedValue):
        return
    for ingredient in site.scope.ingredients:
        if ingredient is not node:
            yield site.replace(ingredient)


def keyword(site: Site) -> Iterator[Change]:
    """`sorted`, `sort`, `min` and `max` get the argument that is forgotten most."""
    match site.node:
        case ast.Call(func=ast.Name(id="sorted") | ast.Attribute(attr="sort") as function, args=args, keywords=given):
            yield site.replace(ast.Call(function, args, [*given, ast.keyword("reverse", constant(True))]))
        case ast.Call(func=ast.Name(id="min" | "max") as function, args=[_] as args, keywords=given):
            for default in (constant(0), constant(None)):
                yield site.replace(ast.Call(function, args, [*given, ast.keyword("default", default)]))
        case ast.Call(func=ast.Attribute(attr="get") as function, args=[key], keywords=[]):
            for fallback in (constant(0), constant(""), constant(False), ast.List([], ast.Load())):
                yield site.replace(ast.Call(function, [key, fallback], []))
