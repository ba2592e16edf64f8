"""Single edits of a tree: what they replace, and the tree they lead to."""

from __future__ import annotations

import ast
import copy
import dataclasses
import enum
from typing import TypeVar

from .sources import SourceFile

N = TypeVar("N", bound=ast.AST)


class Kind(enum.Enum):
    """What a change does at its anchor."""

    REPLACE = "replace"
    DELETE = "delete"
    BEFORE = "before"
    AFTER = "after"


@dataclasses.dataclass(frozen=True)
class Change:
    """One edit of one place; parts of the new node may be nodes of the old tree."""

    kind: Kind
    anchor: ast.expr | ast.stmt
    node: ast.AST | None = None

    @property
    def new_node(self) -> ast.AST:
        """What the change puts in; a deletion has nothing to ask for."""
        if self.node is None:
            raise ValueError(self.kind)
        return self.node

    def key(self) -> tuple[Kind, int, str]:
        """Equal for two changes that lead to the same tree."""
        return self.kind, id(self.anchor), "" if self.node is None else ast.dump(self.node)


def changed_tree(source: SourceFile, change: Change, root: N) -> N:
    """A copy of `root` with the change made; everything off the path to the anchor is shared with the original."""
    place = source.places[change.anchor]
    parent = copy.copy(place.parent)
    if place.index is None:
        setattr(parent, place.field, _located(change))
    else:
        setattr(parent, place.field, _changed_list(getattr(parent, place.field), place.index, change))
    original = place.parent
    while original is not root:
        place = source.places[original]
        above = copy.copy(place.parent)
        if place.index is None:
            setattr(above, place.field, parent)
        else:
            siblings = list(getattr(above, place.field))
            siblings[place.index] = parent
            setattr(above, place.field, siblings)
        parent, original = above, place.parent
    return parent  # type: ignore[return-value]  # a copy of root has root's type


def _changed_list(nodes: list[ast.AST], index: int, change: Change) -> list[ast.AST]:
    before, anchor, after = nodes[:index], nodes[index], nodes[index + 1 :]
    match change.kind:
        case Kind.REPLACE:
            return [*before, _located(change), *after]
        case Kind.DELETE:
            rest = [*before, *after]
            return rest or [ast.copy_location(ast.Pass(), anchor)]
        case Kind.BEFORE:
            return [*before, _located(change), anchor, *after]
        case Kind.AFTER:
            return [*before, anchor, _located(change), *after]


def _located(change: Change) -> ast.AST:
    """The new node, its new parts placed where the anchor stands."""
    node = change.new_node
    _locate(node, change.anchor)
    return node


def _locate(node: ast.AST, anchor: ast.expr | ast.stmt) -> None:
    if hasattr(node, "lineno"):
        return
    if isinstance(node, ast.expr | ast.stmt | ast.keyword):
        ast.copy_location(node, anchor)
    for child in ast.iter_child_nodes(node):
        _locate(child, anchor)
