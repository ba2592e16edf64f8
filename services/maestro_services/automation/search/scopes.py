"""What an edit at some place can draw on: names, attributes and expressions of the code around it."""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Iterable

from .changes import Change, Kind
from .sources import FUNCTIONS, FunctionNode, SourceFile

_NUMBER_COUNT = 15
# In nodes, contexts included.
_INGREDIENT_SIZE = 24


class ModuleScope:
    """The ingredients that a whole file offers."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source

    @functools.cached_property
    def attributes(self) -> dict[str, list[str]]:
        """By the name in front of the dot: the attributes that the file uses behind it."""
        found: dict[str, set[str]] = {}
        for node in self.source.places:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found.setdefault(node.value.id, set()).add(node.attr)
        return {name: sorted(attributes) for name, attributes in found.items()}

    @functools.cached_property
    def strings(self) -> list[str]:
        """The short string constants of the file, without docstrings."""
        return sorted(
            {
                node.value
                for node, place in self.source.places.items()
                if isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and len(node.value) <= 30
                and not isinstance(place.parent, ast.Expr | ast.JoinedStr)
            }
        )

    @functools.cached_property
    def numbers(self) -> list[int | float]:
        """The first few numbers of the file that are not counted as neighbours of others: 0, 1 and 2 are left out."""
        constants = sorted(
            (node for node in self.source.places if isinstance(node, ast.Constant)),
            key=lambda node: (node.lineno, node.col_offset),
        )
        found = dict.fromkeys(node.value for node in constants if type(node.value) in (int, float))
        return [value for value in found if isinstance(value, int | float) and value not in (0, 1, 2)][:_NUMBER_COUNT]

    @functools.cached_property
    def functions(self) -> list[str]:
        """The functions that are defined at module level."""
        return [node.name for node in self.source.tree.body if isinstance(node, FUNCTIONS)]

    @functools.cached_property
    def exceptions(self) -> list[str]:
        """The exceptions that the file raises or catches."""
        found: set[str] = set()
        for node in self.source.places:
            if isinstance(node, ast.ExceptHandler) and node.type is not None:
                found.update(part.id for part in ast.walk(node.type) if isinstance(part, ast.Name))
            elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
                found.add(node.exc.func.id)
        return sorted(found)


class FunctionScope:
    """The ingredients that a function and those around it offer."""

    def __init__(self, module: ModuleScope, function: FunctionNode | None) -> None:
        self.module = module
        self.function = function

    @functools.cached_property
    def outermost(self) -> FunctionNode | None:
        """The outermost function around this one; it is what is compiled and traced for ingredients."""
        if self.function is None:
            return None
        around = [node for node in self.module.source.ancestors(self.function) if isinstance(node, FUNCTIONS)]
        return around[-1] if around else self.function

    @functools.cached_property
    def names(self) -> list[str]:
        """The variables bound in the function and in those around it, in the order of their first binding."""
        if self.function is None:
            return []
        around = [node for node in self.module.source.ancestors(self.function) if isinstance(node, FUNCTIONS)]
        found: dict[str, None] = {}
        for function in (self.function, *around):
            found.update(dict.fromkeys(_bound(function)))
        return list(found)

    @functools.cached_property
    def ingredients(self) -> list[ast.expr]:
        """The small compound expressions of the outermost function, each once."""
        if self.outermost is None:
            return []
        found: dict[str, ast.expr] = {}
        for node in ast.walk(self.outermost):
            if isinstance(node, ast.Subscript | ast.Call | ast.BinOp | ast.Attribute) and _is_ingredient(node):
                found.setdefault(ast.dump(node), node)
        return list(found.values())


@dataclasses.dataclass(frozen=True)
class Site:
    """A node that may be edited, with its surroundings."""

    node: ast.expr | ast.stmt
    parent: ast.AST
    field: str
    scope: FunctionScope

    @property
    def source(self) -> SourceFile:
        """The file of the node."""
        return self.scope.module.source

    @property
    def names(self) -> list[str]:
        """The variables that the node may use."""
        return self.scope.names

    @property
    def is_condition(self) -> bool:
        """Whether the node decides a branch or a loop."""
        return self.field == "test" and isinstance(self.parent, ast.If | ast.While | ast.IfExp | ast.Assert)

    @property
    def is_value(self) -> bool:
        """Whether the node is an expression whose value is read."""
        return isinstance(self.node, ast.expr) and _is_load(self.node) and not isinstance(self.node, ast.Starred)

    def replace(self, node: ast.AST) -> Change:
        """The change that puts `node` in this one's place."""
        return Change(Kind.REPLACE, self.node, node)


def name(identifier: str) -> ast.Name:
    """A variable that is read."""
    return ast.Name(identifier, ast.Load())


def call(function: str, *arguments: ast.expr) -> ast.Call:
    """A call of a function by its name."""
    return ast.Call(name(function), list(arguments), [])


def constant(value: object) -> ast.Constant:
    """A literal."""
    return ast.Constant(value)  # type: ignore[arg-type]  # typeshed narrows to literals' types


def _is_load(node: ast.expr) -> bool:
    return isinstance(getattr(node, "ctx", None) or ast.Load(), ast.Load)


def _is_ingredient(node: ast.expr) -> bool:
    return _is_load(node) and sum(1 for _ in ast.walk(node)) <= _INGREDIENT_SIZE


def _bound(function: FunctionNode) -> Iterable[str]:
    arguments = function.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        yield argument.arg
    for optional in (arguments.vararg, arguments.kwarg):
        if optional is not None:
            yield optional.arg
    for statement in function.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
