"""Changes as edits of the source text: what is not changed keeps its layout and comments."""

from __future__ import annotations

import ast
import dataclasses
import itertools
import re
from collections.abc import Iterator

from .changes import Change, Kind, changed_tree
from .sources import SourceFile

_MARK = "maestro_part_{}_"
_ATOMS = (ast.Name, ast.Constant, ast.Attribute, ast.Subscript, ast.Call, ast.List, ast.Dict, ast.Set, ast.JoinedStr)


@dataclasses.dataclass(frozen=True)
class TextEdit:
    """The bytes `start:end` of a file replaced by `text`."""

    start: int
    end: int
    text: str

    def apply(self, data: bytes) -> bytes:
        """The file with the edit made."""
        return data[: self.start] + self.text.encode("utf-8") + data[self.end :]


def render(source: SourceFile, change: Change) -> TextEdit | None:
    """The smallest edit whose result parses to exactly the changed tree; None if there is none."""
    intended = ast.dump(changed_tree(source, change, source.tree))
    for edit in _attempts(source, change):
        try:
            tree = ast.parse(edit.apply(source.data))
        except (SyntaxError, ValueError):
            continue
        if ast.dump(tree) == intended:
            return edit
    return None


def _attempts(source: SourceFile, change: Change) -> Iterator[TextEdit]:
    if change.kind is Kind.DELETE:
        yield from _deletions(source, change.anchor)
    elif change.kind is Kind.REPLACE:
        yield from _replacements(source, change)
    else:
        yield _insertion(source, change)


def _replacements(source: SourceFile, change: Change) -> Iterator[TextEdit]:
    anchor, node = change.anchor, change.new_node
    formatted = [around for around in source.ancestors(anchor) if isinstance(around, ast.JoinedStr)]
    if formatted:
        anchor, node = formatted[-1], changed_tree(source, change, formatted[-1])
    start, end = source.span(anchor)
    for inner, outer in itertools.product((False, True), repeat=2):
        text = _Renderer(source, parenthesize=inner).render(node)
        yield TextEdit(start, end, f"({text})" if outer else text)


def _deletions(source: SourceFile, anchor: ast.expr | ast.stmt) -> Iterator[TextEdit]:
    yield TextEdit(*source.line_span(anchor.lineno, anchor.end_lineno or anchor.lineno), "")
    yield TextEdit(*source.span(anchor), "pass")


def _insertion(source: SourceFile, change: Change) -> TextEdit:
    anchor = change.anchor
    first, last = source.line_span(anchor.lineno, anchor.end_lineno or anchor.lineno)
    position = first if change.kind is Kind.BEFORE else last
    line = source.data[first : source.offset(anchor.lineno, anchor.col_offset)].decode("utf-8")
    indentation = line[: len(line) - len(line.lstrip())]
    text = _Renderer(source, parenthesize=False).render(change.new_node)
    lines = "".join(f"{indentation}{part}\n" for part in text.split("\n"))
    missing_newline = position > 0 and source.data[position - 1 : position] != b"\n"
    return TextEdit(position, position, f"\n{lines.rstrip()}" if missing_newline else lines)


class _Renderer(ast.NodeTransformer):
    """Writes a tree whose parts may be nodes of the file: those keep their own text."""

    def __init__(self, source: SourceFile, *, parenthesize: bool) -> None:
        self._source = source
        self._parenthesize = parenthesize
        self._parts: list[str] = []

    def render(self, node: ast.AST) -> str:
        text = ast.unparse(self.visit(node))
        return re.sub(_MARK.format(r"(\d+)"), lambda match: self._parts[int(match[1])], text)

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.JoinedStr) and node not in self._source.places:
            return node
        if isinstance(node, ast.expr) and node in self._source.places and not isinstance(node, ast.Slice):
            return self._part(node)
        return self._copy(node)

    def _part(self, node: ast.expr) -> ast.AST:
        text = self._source.text(node)
        if self._parenthesize and not isinstance(node, _ATOMS):
            text = f"({text})"
        self._parts.append(text)
        return ast.Name(_MARK.format(len(self._parts) - 1), ast.Load())

    def _copy(self, node: ast.AST) -> ast.AST:
        fields = {
            field: [self.visit(item) if isinstance(item, ast.AST) else item for item in value]
            if isinstance(value, list)
            else self.visit(value)
            if isinstance(value, ast.AST)
            else value
            for field, value in ast.iter_fields(node)
        }
        return ast.copy_location(type(node)(**fields), node) if hasattr(node, "lineno") else type(node)(**fields)
