"""Typed variables: what a rendering asks for, and the rules of their values."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from maestro_services.runtime.errors import Reason, ServiceError, Violation

Value = str | int | bool | tuple[str, ...]
INT64 = range(-(2**63), 2**63)


class VariableType(enum.Enum):
    """What values a variable takes; the value is the word of the manifest."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    STRING_LIST = "strings"


@dataclass(frozen=True)
class Variable:
    """A variable and its rules. `minimum` and `maximum` bound a number, a text's length or a list's count.

    Texts of a default may be templates over the variables before. The pattern is checked where the template is
    rendered, under its limits: matching a hostile one can take for ever.
    """

    name: str
    type: VariableType
    description: str = ""
    default: Value | None = None
    required: bool = False
    pattern: str = ""
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()

    @property
    def fallback(self) -> Value:
        """The value if none is given: the default, or else the type's own."""
        if self.default is not None:
            return self.default
        if self.type is VariableType.CHOICE:
            return self.choices[0]
        empty: dict[VariableType, Value] = {
            VariableType.STRING: "",
            VariableType.INTEGER: 0,
            VariableType.BOOLEAN: False,
            VariableType.STRING_LIST: (),
        }
        return empty[self.type]


def value_fault(variable: Variable, value: Value) -> str | None:
    """Which rule the value breaks, as a sentence; None if none."""
    if not _has_type(variable.type, value):
        return f"the value must be a {variable.type.value}"
    if variable.type is VariableType.CHOICE and value not in variable.choices:
        return f"the value must be one of {', '.join(variable.choices)}"
    return _bounds_fault(variable, value)


def _has_type(kind: VariableType, value: Value) -> bool:
    match kind:
        case VariableType.BOOLEAN:
            return isinstance(value, bool)
        case VariableType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool) and value in INT64
        case VariableType.STRING_LIST:
            return isinstance(value, tuple)
        case _:
            return isinstance(value, str)


def _bounds_fault(variable: Variable, value: Value) -> str | None:
    if isinstance(value, bool):
        return None
    size, noun = (value, "value") if isinstance(value, int) else (len(value), "length")
    if variable.minimum is not None and size < variable.minimum:
        return f"the {noun} is at least {variable.minimum}"
    if variable.maximum is not None and size > variable.maximum:
        return f"the {noun} is at most {variable.maximum}"
    return None


def check_given(variables: Sequence[Variable], given: Mapping[str, Value]) -> None:
    """Refuses given values that are unknown, missing or break a rule, naming all of them."""
    known = {variable.name: variable for variable in variables}
    faults = {name: "the template has no such variable" for name in given if name not in known}
    for name, variable in known.items():
        if name not in given:
            # What no default covers and the rules do not allow empty must be given.
            needed = variable.required or (variable.default is None and value_fault(variable, variable.fallback))
            fault = "a value is required" if needed else None
        else:
            fault = value_fault(variable, given[name])
        if fault:
            faults[name] = fault
    refuse(faults)


def check_derived(variables: Sequence[Variable], values: Mapping[str, Value]) -> None:
    """Refuses defaults that break a rule now that their templates are rendered."""
    derived = [variable for variable in variables if variable.default is not None]
    faults = {variable.name: value_fault(variable, values[variable.name]) for variable in derived}
    refuse({name: fault for name, fault in faults.items() if fault})


def refuse(faults: Mapping[str, str]) -> None:
    """Raises VARIABLE_INVALID for the faults by variable, if there are any."""
    if not faults:
        return
    violations = [Violation(f"variables[{name}]", fault) for name, fault in faults.items()]
    name, rule = next(iter(faults.items()))
    message = "; ".join(f"variable {name}: {fault}" for name, fault in faults.items())
    raise ServiceError(Reason.VARIABLE_INVALID, message, violations=violations, variable=name, rule=rule)
