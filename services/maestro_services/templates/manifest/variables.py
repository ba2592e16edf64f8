"""Reads the `variables` of a manifest."""

import re

from maestro_services.templates.domain.variables import INT64, Value, Variable, VariableType, value_fault
from maestro_services.templates.manifest.document import Entries, Scalar
from maestro_services.templates.manifest.reader import Reader

MAX_VARIABLES = 200
MAX_PATTERN = 500

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
# What the engine itself means by these names.
_RESERVED = frozenset(
    """and block break call continue debug dict elif else endfor endif extends false False filter for if import in
    include is loop macro namespace none None not or range raw recursive self set super true True with""".split()  # noqa: SIM905 - a list of 35 quoted words reads worse
)


def read_variables(document: Reader) -> tuple[Variable, ...]:
    """The variables, in the order of the document."""
    node = document.node_of("variables")
    if node is None:
        return ()
    path = document.path_of("variables")
    if not isinstance(node, Entries):
        document.fault(node, path, "a mapping of names to variables")
        return ()
    if len(node.entries) > MAX_VARIABLES:
        document.fault(node, path, f"at most {MAX_VARIABLES} variables")
        return ()
    return tuple(_variable(name, node, f"{path}.{name}", document) for name in node.entries)


def _variable(name: str, parent: Entries, path: str, document: Reader) -> Variable:
    if not _NAME.fullmatch(name) or name in _RESERVED:
        rule = "a name of letters, digits and `_` that the template language does not reserve"
        document.fault(Scalar(name, parent.keys[name]), path, rule)
    reader = Reader(parent.entries[name], path, document.faults)
    kind = reader.parsed("type", _type, VariableType.STRING, longest=20)
    draft = Variable(
        name=name,
        type=kind,
        description=reader.text("description", longest=2000),
        default=_default(reader, kind),
        required=reader.boolean("required"),
        pattern=reader.text("pattern", longest=MAX_PATTERN),
        minimum=reader.integer("min", INT64),
        maximum=reader.integer("max", INT64),
        choices=reader.texts("choices", longest=1000, most=200),
    )
    reader.finish()
    _check(draft, reader)
    return draft


def _type(text: str) -> VariableType:
    try:
        return VariableType(text)
    except ValueError:
        words = ", ".join(kind.value for kind in VariableType)
        raise ValueError(f"one of {words}, not {text!r}") from None


def _default(reader: Reader, kind: VariableType) -> Value | None:
    node = reader.node_of("default")
    if node is None:
        return None
    path = reader.path_of("default")
    match kind:
        case VariableType.STRING_LIST:
            return reader.texts_at(node, path, 65_536, 1000)
        case VariableType.BOOLEAN:
            return reader.boolean("default")
        case VariableType.INTEGER:
            return reader.integer("default", INT64)
        case _:
            return reader.text_at(node, path, 65_536)


def _check(variable: Variable, reader: Reader) -> None:
    faults = {key: fault for key, fault in _rules(variable).items() if fault}
    for key, fault in faults.items():
        node = reader.node_of(key) or reader.node
        reader.fault(node, reader.path_of(key), fault)


def _rules(variable: Variable) -> dict[str, str | None]:
    is_choice = variable.type is VariableType.CHOICE
    textual = variable.type in {VariableType.STRING, VariableType.STRING_LIST}
    bounds = (variable.minimum, variable.maximum)
    crossed = None not in bounds and bounds[0] > bounds[1]  # type: ignore[operator]  # None is excluded just before
    return {
        "choices": _choices_fault(variable)
        if is_choice
        else ("no choices but for a choice" if variable.choices else None),
        "pattern": "no pattern but for a string or strings" if variable.pattern and not textual else None,
        "max": "a number that is not below min" if crossed else None,
        "min": "no min or max for this type" if bounds != (None, None) and not _bounded(variable) else None,
        "required": "a default or required, not both" if variable.required and variable.default is not None else None,
        "default": _default_fault(variable),
    }


def _bounded(variable: Variable) -> bool:
    return variable.type in {VariableType.STRING, VariableType.STRING_LIST, VariableType.INTEGER}


def _choices_fault(variable: Variable) -> str | None:
    if not variable.choices:
        return "at least one choice"
    return "different choices" if len(set(variable.choices)) < len(variable.choices) else None


def _default_fault(variable: Variable) -> str | None:
    if variable.default is None or _is_template(variable.default):
        return None
    fault = value_fault(variable, variable.default)
    return f"a valid default: {fault}" if fault else None


def _is_template(value: Value) -> bool:
    texts = value if isinstance(value, tuple) else (value,)
    return any(isinstance(text, str) and ("{{" in text or "{%" in text) for text in texts)
