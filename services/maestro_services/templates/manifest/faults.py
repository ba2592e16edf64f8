"""Faults of a document, each with its place."""

from collections.abc import Sequence
from dataclasses import dataclass

from maestro_services.runtime.errors import Reason, ServiceError, Violation


@dataclass(frozen=True)
class Place:
    """A place in a text, counted from 1."""

    line: int = 1
    column: int = 1


@dataclass(frozen=True)
class Fault:
    """What is wrong at a place: the field's path, and what was expected there."""

    place: Place
    field: str
    rule: str


def invalid(file: str, faults: Sequence[Fault]) -> ServiceError:
    """TEMPLATE_INVALID: the metadata names the first fault, the violations name all."""
    lines = [f"{file}:{fault.place.line}:{fault.place.column}: {_about(fault)}" for fault in faults]
    first = faults[0]
    return ServiceError(
        Reason.TEMPLATE_INVALID,
        "; ".join(lines),
        violations=[Violation(fault.field or file, line) for fault, line in zip(faults, lines, strict=True)],
        file=file,
        line=str(first.place.line),
        column=str(first.place.column),
        field=first.field,
        rule=first.rule,
    )


def _about(fault: Fault) -> str:
    return f"{fault.field}: {fault.rule}" if fault.field else fault.rule
