"""Product files: their bytes, their trees, and where in them everything stands."""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Iterator

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a node hangs in its tree."""

    parent: ast.AST
    field: str
    index: int | None
    """The position in the parent's list; None if the field holds a single node."""


class SourceFile:
    """One file of product code.

    Offsets are in bytes, as the columns of `ast` are.
    """

    def __init__(self, path: str, filename: str, data: bytes) -> None:
        self.path = path
        self.filename = filename
        self.data = data
        self.tree = ast.parse(data, filename)
        self.places: dict[ast.AST, Place] = {}
        self._line_starts = [0]
        for line in data.splitlines(keepends=True):
            self._line_starts.append(self._line_starts[-1] + len(line))
        self._link(self.tree)

    def _link(self, root: ast.AST) -> None:
        pending = [root]
        while pending:
            parent = pending.pop()
            for field, value in ast.iter_fields(parent):
                for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                    if isinstance(child, ast.AST) and not isinstance(child, ast.expr_context | ast.operator):
                        self.places[child] = Place(parent, field, index)
                        pending.append(child)

    def offset(self, line: int, column: int) -> int:
        """The offset of a position as `ast` gives it."""
        return self._line_starts[line - 1] + column

    def line_span(self, first: int, last: int) -> tuple[int, int]:
        """The offsets of whole lines, the newline of the last one included."""
        return self._line_starts[first - 1], self._line_starts[min(last, len(self._line_starts) - 1)]

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """The offsets of a node's source."""
        end = self.offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
        return self.offset(node.lineno, node.col_offset), end

    def text(self, node: ast.expr | ast.stmt) -> str:
        """The source of a node."""
        start, end = self.span(node)
        return self.data[start:end].decode("utf-8")

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around a node, innermost first."""
        place = self.places.get(node)
        while place is not None:
            yield place.parent
            place = self.places.get(place.parent)

    def function_of(self, node: ast.AST) -> FunctionNode | None:
        """The innermost named function whose body runs the node; None at module and class level.

        Defaults, decorators and annotations of a function belong to what is around it.
        """
        child = node
        for parent in self.ancestors(node):
            if isinstance(parent, FUNCTIONS) and self.places[child].field == "body":
                return parent
            child = parent
        return None

    def qualified_name(self, node: ast.AST | None) -> str:
        """The dotted name of a function or of the classes and functions around a node."""
        if node is None:
            return ""
        around = [*reversed(list(self.ancestors(node))), node]
        return ".".join(part.name for part in around if isinstance(part, (*FUNCTIONS, ast.ClassDef)))

    @functools.cached_property
    def functions(self) -> list[FunctionNode]:
        """Every named function, in the order of the source."""
        found = [node for node in self.places if isinstance(node, FUNCTIONS)]
        return sorted(found, key=lambda node: (node.lineno, node.col_offset))

    def function_at(self, line: int) -> FunctionNode | None:
        """The innermost function whose lines hold `line`."""
        around = [node for node in self.functions if node.lineno <= line <= (node.end_lineno or node.lineno)]
        return around[-1] if around else None
