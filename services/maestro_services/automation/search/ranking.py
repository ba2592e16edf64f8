"""The order in which plausible candidates are offered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .rendering import TextEdit, render
from .trials import Trial

_CONTEXT_PENALTY = 2.0
"""An edit that removes or adds behaviour ranks as if it were so much less likely."""


def ranked(trials: Iterable[Trial]) -> list[dict[str, Any]]:
    """Describes the trials that can be written as an edit of the source, best first."""
    described = [
        (_weight(trial), number, _described(trial, edit))
        for number, trial in enumerate(trials)
        if (edit := render(trial.candidate.source, trial.candidate.change)) is not None
    ]
    return [description for _, _, description in sorted(described, key=lambda entry: entry[:2])]


def _weight(trial: Trial) -> float:
    priority = trial.candidate.priority
    return priority if trial.candidate.family.safe else priority * _CONTEXT_PENALTY


def _described(trial: Trial, edit: TextEdit) -> dict[str, Any]:
    candidate = trial.candidate
    source = candidate.source
    before = source.data[: edit.start]
    line_start = before.rfind(b"\n") + 1
    return {
        "path": source.path,
        "start": edit.start,
        "end": edit.end,
        "before": source.data[edit.start : edit.end].decode("utf-8"),
        "after": edit.text,
        "line": before.count(b"\n") + 1,
        "column": len(source.data[line_start : edit.start].decode("utf-8")) + 1,
        "function": source.qualified_name(candidate.function),
        "family": candidate.family.name,
        "safe": candidate.family.safe,
        "score": round(candidate.score, 4),
        "priority": round(candidate.priority, 4),
        "case_count": trial.case_count,
    }
