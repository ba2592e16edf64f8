"""Edits that exchange literals, and functions for their twins."""

from __future__ import annotations

import ast
from collections.abc import Iterator

# ruff: noqa: TID252 (in the tree that it searches, the program has another name)
from ..changes import Change
from ..scopes import Site, constant, name
from .operators import is_neutral

_TWINS: tuple[tuple[str, ...], ...] = (
    ("any", "all"),
    ("min", "max"),
    ("append", "extend", "add", "update"),
    ("startswith", "endswith"),
    ("floor", "ceil", "round", "int"),
    ("lower", "upper", "casefold"),
    ("strip", "lstrip", "rstrip"),
    ("split", "rsplit"),
    ("partition", "rpartition"),
    ("find", "rfind", "index", "rindex"),
    ("ljust", "rjust"),
    ("pop", "popleft"),
    ("append", "appendleft"),
    ("keys", "values", "items"),
    ("isdigit", "isalpha", "isalnum"),
    ("islower", "isupper"),
    ("union", "intersection", "difference"),
    ("add", "discard", "remove"),
    ("sorted", "list", "reversed"),
    ("len", "sum"),
    ("heappush", "heappop"),
    ("set", "list", "tuple"),
    ("match", "fullmatch", "search"),
)


def literal(site: Site) -> Iterator[Change]:
    """`True` becomes `False`; a number becomes its neighbours, 0, 1 and 2."""
    node = site.node
    if not isinstance(node, ast.Constant) or isinstance(site.parent, ast.Expr | ast.JoinedStr):
        return
    value = node.value
    if isinstance(value, bool):
        yield site.replace(constant(not value))
    elif isinstance(value, int | float):
        for number in dict.fromkeys((value + 1, value - 1, 0, 1, 2)):
            if number != value and not _does_nothing(site, number):
                yield site.replace(_number(number))
    elif value is None:
        yield from (site.replace(constant(other)) for other in (False, True, 0, ""))


def other_literal(site: Site) -> Iterator[Change]:
    """A number becomes another one of the file, or one that is further away."""
    node = site.node
    if not isinstance(node, ast.Constant) or isinstance(site.parent, ast.Expr | ast.JoinedStr):
        return
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    further = (value + 10, value - 10, value + 5, value - 5, value * 10, value // 10, value * 2, value // 2)
    for number in dict.fromkeys((*site.scope.module.numbers, *further)):
        if number != value and not _does_nothing(site, number):
            yield site.replace(_number(number))


def _does_nothing(site: Site, value: float) -> bool:
    return isinstance(site.parent, ast.BinOp) and site.field == "right" and is_neutral(site.parent.op, constant(value))


def _number(value: float) -> ast.expr:
    if value < 0:
        return ast.UnaryOp(ast.USub(), constant(-value))
    return constant(value)


def minus_one(site: Site) -> Iterator[Change]:
    """A negative number becomes its neighbours, 0 and 1."""
    match site.node:
        case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)):
            for number in (-value + 1, -value - 1, 0, 1):
                yield site.replace(_number(number))


def twin(site: Site) -> Iterator[Change]:
    """A function or method becomes one that is easily confused with it: `min` and `max`, `strip` and `rstrip`."""
    node = site.node
    if not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Name):
        for other in _twins(node.func.id):
            yield site.replace(ast.Call(name(other), node.args, node.keywords))
    elif isinstance(node.func, ast.Attribute):
        for other in _twins(node.func.attr):
            function = ast.Attribute(node.func.value, other, ast.Load())
            yield site.replace(ast.Call(function, node.args, node.keywords))


def _twins(identifier: str) -> Iterator[str]:
    for group in _TWINS:
        if identifier in group:
            yield from (other for other in group if other != identifier)


def string(site: Site) -> Iterator[Change]:
    """A string becomes the empty one, a blank, or another string of the file."""
    node = site.node
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return
    if isinstance(site.parent, ast.Expr | ast.JoinedStr):
        return
    for other in dict.fromkeys(("", " ", *site.scope.module.strings[:40])):
        if other != node.value:
            yield site.replace(constant(other))
    yield site.replace(constant(None))


def empty_literal(site: Site) -> Iterator[Change]:
    """A returned `[]` becomes `[[]]`; an initial 0 or None becomes an infinity."""
    match site.node, site.parent:
        case ast.List(elts=[]), ast.Return():
            yield site.replace(ast.List([ast.List([], ast.Load())], ast.Load()))
        case ast.Constant(0), ast.Assign():
            for sign in ("inf", "-inf"):
                yield site.replace(ast.Call(name("float"), [constant(sign)], []))
