"""Filters of lists: a subset of AIP-160, parsed here and compiled to SQL.

Comparisons `field operator value` are joined by AND, OR, NOT (or `-`) and parentheses. OR binds tighter than AND, as
AIP-160 has it. Which field takes which operator is given by the list; everything else is FILTER_INVALID with the
position of the offence.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, not_, or_

from maestro_services.runtime.errors import Reason, ServiceError, invalid_field

Compile = Callable[[str, str], ColumnElement[bool]]
"""Makes the condition of a comparison from its operator and value; ValueError says what it takes."""

_TOKEN = re.compile(
    r"""(?:(?P<open>\()|(?P<close>\))|(?P<operator><=|>=|!=|=|<|>|:)|(?P<minus>-)(?=[A-Za-z(])
    |"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<word>[^\s()"'<>=!:]+))""",
    re.VERBOSE,
)
_MAX_DEPTH = 32
_MAX_COMPARISONS = 64


@dataclass(frozen=True)
class Field:
    """A field that a filter may name. A field ending in `.*` stands for the keys of a map."""

    operators: tuple[str, ...]
    compile: Callable[..., ColumnElement[bool]]


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


def compile_filter(text: str, fields: Mapping[str, Field]) -> ColumnElement[bool] | None:
    """The condition a filter stands for, or None if it is empty."""
    tokens = _tokens(text)
    if not tokens:
        return None
    parser = _Parser(text, tokens, fields)
    condition = parser.expression(0)
    parser.expect_end()
    return condition


def _invalid(position: int, detail: str) -> ServiceError:
    message = f"at character {position + 1}: {detail}"
    return invalid_field("filter", message, Reason.FILTER_INVALID, position=str(position), detail=detail)


def _tokens(text: str) -> list[_Token]:
    if "\0" in text:
        raise _invalid(text.index("\0"), "cannot read the character NUL")
    tokens, position = [], 0
    while rest := text[position:].lstrip():
        position = len(text) - len(rest)
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _invalid(position, f"cannot read {rest[:20]!r}")
        kind, content = match.lastgroup, match[match.lastgroup]
        if kind in ("double", "single"):
            kind, content = "string", re.sub(r"\\(.)", r"\1", content)
        tokens.append(_Token(kind, content, position))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent: expression = factor {AND factor}; factor = term {OR term}; term = [NOT] simple."""

    def __init__(self, text: str, tokens: list[_Token], fields: Mapping[str, Field]) -> None:
        self._tokens = tokens
        self._fields = fields
        self._index = 0
        self._comparisons = 0
        self._end = len(text)

    def expression(self, depth: int) -> ColumnElement[bool]:
        if depth > _MAX_DEPTH:
            raise _invalid(self._position(), f"more than {_MAX_DEPTH} levels of parentheses")
        factors = [self._factor(depth)]
        while self._at_factor():
            self._take_word("AND")
            factors.append(self._factor(depth))
        return and_(*factors)

    def expect_end(self) -> None:
        if self._index < len(self._tokens):
            raise _invalid(self._position(), f"expected AND, OR or the end, found {self._peek().text!r}")

    def _factor(self, depth: int) -> ColumnElement[bool]:
        terms = [self._term(depth)]
        while self._take_word("OR"):
            terms.append(self._term(depth))
        return or_(*terms)

    def _term(self, depth: int) -> ColumnElement[bool]:
        if self._take_word("NOT") or self._take("minus"):
            return not_(self._simple(depth))
        return self._simple(depth)

    def _simple(self, depth: int) -> ColumnElement[bool]:
        if self._take("open"):
            inner = self.expression(depth + 1)
            if not self._take("close"):
                raise _invalid(self._position(), "expected )")
            return inner
        return self._comparison()

    def _comparison(self) -> ColumnElement[bool]:
        self._comparisons += 1
        if self._comparisons > _MAX_COMPARISONS:
            raise _invalid(self._position(), f"more than {_MAX_COMPARISONS} comparisons")
        name = self._next(("word",), "a field name")
        field, arguments = self._field(name)
        operator = self._next(("operator",), "an operator")
        if operator.text not in field.operators:
            raise _invalid(operator.position, f"{name.text} takes {' '.join(field.operators)}, not {operator.text}")
        value = self._next(("word", "string"), "a value")
        try:
            return field.compile(*arguments, operator.text, value.text)
        except ValueError as error:
            raise _invalid(value.position, f"{name.text}: {error}") from None

    def _field(self, name: _Token) -> tuple[Field, tuple[str, ...]]:
        if name.text in self._fields:
            return self._fields[name.text], ()
        prefix, _, key = name.text.partition(".")
        if key and f"{prefix}.*" in self._fields:
            return self._fields[f"{prefix}.*"], (key,)
        known = ", ".join(sorted(self._fields))
        raise _invalid(name.position, f"unknown field {name.text!r}; there are {known}")

    def _position(self) -> int:
        return self._tokens[self._index].position if self._index < len(self._tokens) else self._end

    def _peek(self) -> _Token:
        return self._tokens[self._index] if self._index < len(self._tokens) else _Token("end", "", self._end)

    def _at_factor(self) -> bool:
        return self._peek().kind not in ("end", "close")

    def _take(self, kind: str) -> bool:
        found = self._peek().kind == kind
        self._index += found
        return found

    def _take_word(self, word: str) -> bool:
        token = self._peek()
        found = token.kind == "word" and token.text == word
        self._index += found
        return found

    def _next(self, kinds: tuple[str, ...], what: str) -> _Token:
        token = self._peek()
        if token.kind not in kinds:
            raise _invalid(token.position, f"expected {what}, found {token.text or 'the end'!r}")
        self._index += 1
        return token


_ORDER = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
}


def ordered(column: ColumnElement[Any], parse: Callable[[str], Any], *operators: str) -> Field:
    """A field of values that `parse` reads; without operators it takes all six comparisons."""

    def condition(operator: str, value: str) -> ColumnElement[bool]:
        result: ColumnElement[bool] = _ORDER[operator](column, parse(value))
        return result

    return Field(operators or tuple(_ORDER), condition)


def text_field(column: ColumnElement[Any]) -> Field:
    """A field of text: `=`, `!=`, and `:` for contains."""

    def condition(operator: str, value: str) -> ColumnElement[bool]:
        if operator == ":":
            return column.contains(value, autoescape=True)
        result: ColumnElement[bool] = _ORDER[operator](column, value)
        return result

    return Field(("=", "!=", ":"), condition)


def enum_field(column: ColumnElement[Any], values: Mapping[str, Any]) -> Field:
    """A field of named values: `=` and `!=`."""

    def parse(name: str) -> Any:
        if name not in values:
            raise ValueError(f"must be one of {', '.join(values)}, not {name!r}")
        return values[name]

    return ordered(column, parse, "=", "!=")
