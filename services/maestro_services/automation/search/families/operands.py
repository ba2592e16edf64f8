"""Edits that swap or drop what an operation works on."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

# ruff: noqa: TID252 (in the tree that it searches, the program has another name)
from ..changes import Change
from ..scopes import Site


def swap(site: Site) -> Iterator[Change]:
    """Operands, elements of a pair, branches of a condition or two positional arguments change places."""
    match site.node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            yield site.replace(ast.Compare(right, [operator], [left]))
        case ast.BinOp(left=left, op=operator, right=right):
            yield site.replace(ast.BinOp(right, operator, left))
        case ast.Tuple(elts=[first, second], ctx=context):
            yield site.replace(ast.Tuple([second, first], context))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield site.replace(ast.IfExp(test, orelse, body))
        case ast.Call() as node:
            for one, other in itertools.combinations(range(min(len(node.args), 5)), 2):
                arguments = list(node.args)
                arguments[one], arguments[other] = arguments[other], arguments[one]
                yield site.replace(ast.Call(node.func, arguments, node.keywords))


def drop_operand(site: Site) -> Iterator[Change]:
    """`a + b` becomes `a`, and `b`."""
    if isinstance(site.node, ast.BinOp):
        yield site.replace(site.node.left)
        yield site.replace(site.node.right)


def drop(site: Site) -> Iterator[Change]:
    """A condition loses an operand; a call becomes one of its arguments, or the object it is called on."""
    match site.node:
        case ast.BoolOp(op=operator, values=values):
            for index in range(len(values)):
                rest = values[:index] + values[index + 1 :]
                yield site.replace(rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest))
        case ast.Call() as node:
            yield from _dropped_call(site, node)
        case ast.IfExp(body=body, orelse=orelse):
            yield site.replace(body)
            yield site.replace(orelse)


def _dropped_call(site: Site, node: ast.Call) -> Iterator[Change]:
    for argument in node.args:
        if not isinstance(argument, ast.Starred):
            yield site.replace(argument)
    if isinstance(node.func, ast.Attribute) and not isinstance(site.parent, ast.Expr):
        yield site.replace(node.func.value)
    for index in range(len(node.keywords)):
        yield site.replace(ast.Call(node.func, node.args, node.keywords[:index] + node.keywords[index + 1 :]))
    if len(node.args) > 1:
        for index in range(len(node.args)):
            yield site.replace(ast.Call(node.func, node.args[:index] + node.args[index + 1 :], node.keywords))


def regroup(site: Site) -> Iterator[Change]:
    """`a + b * c` becomes `(a + b) * c`, and the reverse."""
    match site.node:
        case ast.BinOp(left=left, op=outer, right=ast.BinOp(left=middle, op=inner, right=right)):
            yield site.replace(ast.BinOp(ast.BinOp(left, outer, middle), inner, right))
        case ast.BinOp(left=ast.BinOp(left=left, op=inner, right=middle), op=outer, right=right):
            yield site.replace(ast.BinOp(left, inner, ast.BinOp(middle, outer, right)))
        case ast.UnaryOp(op=ast.Not(), operand=ast.BoolOp(op=operator, values=[first, *rest])):
            yield site.replace(ast.BoolOp(operator, [ast.UnaryOp(ast.Not(), first), *rest]))
