"""The candidates of a search, most promising first."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from .changes import Change
from .families import FAMILIES, Family
from .localization import Suspicion
from .scopes import FunctionScope, ModuleScope, Site
from .sources import FunctionNode, SourceFile

_FLOOR = 0.15
"""Added to the suspicion, so that a likely edit of a less suspicious line comes before an odd one of the most."""
_INDIRECT = 0.9
"""What a constant or default inherits of the suspicion of the code that uses it."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One change with the reasons for its rank."""

    source: SourceFile
    change: Change
    family: Family
    function: FunctionNode | None
    root: FunctionNode | None
    """The outermost function around the change; None if the whole module has to be executed again."""
    score: float

    @property
    def priority(self) -> float:
        """Smaller is tried earlier."""
        return self.family.cost / (_FLOOR + self.score)


def candidates(sources: Sequence[SourceFile], suspicion: Suspicion, function_count: int) -> Iterator[Candidate]:
    """Generates candidates lazily, in the order of their priority; the same input gives the same order."""
    sites = list(_suspicious_sites(sources, suspicion, function_count))
    ranked = sorted(
        ((family.cost / (_FLOOR + score), order, number) for order, (_, score) in enumerate(sites)
         for number, family in enumerate(FAMILIES)),
    )  # fmt: skip
    seen: set[object] = set()
    for _, order, number in ranked:
        site, score = sites[order]
        for change in FAMILIES[number].changes(site):
            key = change.key()
            if key not in seen:
                seen.add(key)
                yield _candidate(site, change, FAMILIES[number], score)


def _candidate(site: Site, change: Change, family: Family, score: float) -> Candidate:
    function = site.source.function_of(site.node)
    root = site.scope.outermost if function is not None else None
    return Candidate(site.source, change, family, function, root, score)


def _suspicious_sites(
    sources: Sequence[SourceFile], suspicion: Suspicion, function_count: int
) -> Iterator[tuple[Site, float]]:
    used = _used_names(sources, suspicion)
    chosen = _most_suspicious(sources, suspicion, function_count)
    for source in sources:
        module = ModuleScope(source)
        scopes: dict[FunctionNode | None, FunctionScope] = {}
        for node in source.places:
            function = source.function_of(node)
            if not isinstance(node, ast.expr | ast.stmt) or not _is_editable(source, node):
                continue
            score = 0.0 if function is not None and function not in chosen else _score(source, suspicion, node, used)
            if score > 0:
                scope = scopes.setdefault(function, FunctionScope(module, function))
                place = source.places[node]
                yield Site(node, place.parent, place.field, scope), score


def _most_suspicious(sources: Sequence[SourceFile], suspicion: Suspicion, count: int) -> set[FunctionNode]:
    best: dict[FunctionNode, float] = {}
    by_path = {source.path: source for source in sources}
    for (path, line), score in suspicion.scores.items():
        function = by_path[path].function_at(line) if path in by_path else None
        if function is not None:
            best[function] = max(score, best.get(function, 0.0))
    return set(sorted(best, key=lambda function: -best[function])[:count])


def _is_editable(source: SourceFile, node: ast.expr | ast.stmt) -> bool:
    place = source.places[node]
    if place.field in ("annotation", "returns", "decorator_list", "bases", "type_params"):
        return False
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return False
    return not any(
        source.places[around].field in ("annotation", "returns", "decorator_list")
        for around in source.ancestors(node)
        if around in source.places
    )


def _score(source: SourceFile, suspicion: Suspicion, node: ast.expr | ast.stmt, used: Mapping[str, float]) -> float:
    if source.function_of(node) is not None:
        return suspicion.at(source.path, node.lineno, _statement(source, node).lineno)
    statement = _statement(source, node)
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return _INDIRECT * used.get(statement.name, 0.0) if isinstance(node, ast.Constant) else 0.0
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or node is statement:
        return 0.0
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return _INDIRECT * max((used.get(target.id, 0.0) for target in targets if isinstance(target, ast.Name)), default=0)


def _statement(source: SourceFile, node: ast.expr | ast.stmt) -> ast.stmt:
    if isinstance(node, ast.stmt):
        return node
    return next(around for around in source.ancestors(node) if isinstance(around, ast.stmt))


def _used_names(sources: Sequence[SourceFile], suspicion: Suspicion) -> dict[str, float]:
    """By identifier: the suspicion of the most suspicious line that reads it, or of the function so named."""
    used: dict[str, float] = {}
    for source in sources:
        for node in source.places:
            if isinstance(node, ast.Name):
                _raise(used, node.id, suspicion.scores.get((source.path, node.lineno), 0.0))
            elif isinstance(node, ast.Attribute):
                _raise(used, node.attr, suspicion.scores.get((source.path, node.lineno), 0.0))
        for function in source.functions:
            lines = range(function.lineno, (function.end_lineno or function.lineno) + 1)
            score = max(suspicion.scores.get((source.path, line), 0.0) for line in lines)
            _raise(used, function.name, score)
    return used


def _raise(used: dict[str, float], identifier: str, score: float) -> None:
    if score > used.get(identifier, 0.0):
        used[identifier] = score
