"""Edits that exchange names, attributes and exceptions."""

from __future__ import annotations

import ast
from collections.abc import Iterator

# ruff: noqa: TID252 (in the tree that it searches, the program has another name)
from ..changes import Change
from ..scopes import Site, name


def variable(site: Site) -> Iterator[Change]:
    """A variable becomes another one that the function binds."""
    node = site.node
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        if isinstance(site.parent, ast.Call) and site.field == "func" and node.id not in site.names:
            return
        for other in site.names:
            if other != node.id:
                yield site.replace(name(other))


def attribute(site: Site) -> Iterator[Change]:
    """An attribute becomes another one that the file uses on the same name."""
    node = site.node
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and isinstance(node.ctx, ast.Load):
        for other in site.scope.module.attributes.get(node.value.id, []):
            if other != node.attr:
                yield site.replace(ast.Attribute(node.value, other, node.ctx))


def function(site: Site) -> Iterator[Change]:
    """A called function of the module becomes another one of it."""
    node = site.node
    if isinstance(node, ast.Name) and site.field == "func" and isinstance(site.parent, ast.Call):
        functions = site.scope.module.functions
        if node.id in functions:
            yield from (site.replace(name(other)) for other in functions if other != node.id)


def exception(site: Site) -> Iterator[Change]:
    """A raised or caught exception becomes another one that the file knows, or a usual one."""
    node = site.node
    if not isinstance(node, ast.Name) or not _names_exception(site):
        return
    usual = ("ValueError", "TypeError", "KeyError", "IndexError", "AttributeError", "LookupError", "Exception")
    for other in dict.fromkeys((*site.scope.module.exceptions, *usual)):
        if other != node.id:
            yield site.replace(name(other))


def _names_exception(site: Site) -> bool:
    parent = site.parent
    if isinstance(parent, ast.ExceptHandler | ast.Raise):
        return site.field in ("type", "exc")
    around = site.source.places.get(parent)
    return isinstance(parent, ast.Call) and site.field == "func" and around is not None and around.field == "exc"


def store(site: Site) -> Iterator[Change]:
    """What is assigned to becomes another variable or subscript of the function."""
    node = site.node
    if not isinstance(node, ast.Assign | ast.AugAssign):
        return
    targets: list[ast.Name | ast.Subscript] = [ast.Name(other, ast.Store()) for other in site.names]
    targets += [
        ast.Subscript(ingredient.value, ingredient.slice, ast.Store())
        for ingredient in site.scope.ingredients
        if isinstance(ingredient, ast.Subscript)
    ]
    for target in targets:
        if isinstance(node, ast.Assign):
            yield site.replace(ast.Assign([target], node.value))
        else:
            yield site.replace(ast.AugAssign(target, node.op, node.value))
