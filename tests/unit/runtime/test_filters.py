"""Filters: what they mean, and that whatever is typed gets a condition or an error that names the place."""

import sqlite3
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.filters import Field, compile_filter, enum_field, ordered, text_field
from sqlalchemy import Column, Integer, MetaData, String, Table
from sqlalchemy.dialects import sqlite

THINGS = Table("things", MetaData(), Column("name", String), Column("size", Integer), Column("state", Integer))
FIELDS = {
    "name": text_field(THINGS.c.name),
    "size": ordered(THINGS.c.size, int),
    "state": enum_field(THINGS.c.state, {"OPEN": 1, "CLOSED": 2}),
    "labels.*": Field(("=",), lambda key, _operator, value: THINGS.c.name == f"{key}={value}"),
}
ROWS = [("ant", 1, 1), ("bee", 2, 2), ("cat%", 3, 1), ("zone=a", 4, 2), ('"', 5, 1)]


@pytest.fixture(scope="module")
def matching() -> Callable[[str], list[int]]:
    """The sizes of the rows that a filter matches, by a real SQL engine."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE things (name TEXT, size INTEGER, state INTEGER)")
    connection.executemany("INSERT INTO things VALUES (?, ?, ?)", ROWS)

    def sizes(text: str) -> list[int]:
        condition = compile_filter(text, FIELDS)
        where = (
            "1"
            if condition is None
            else condition.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
        )
        return [row[0] for row in connection.execute(f"SELECT size FROM things WHERE {where} ORDER BY size")]

    yield sizes
    connection.close()


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("   ", [1, 2, 3, 4, 5]),
        ("name = ant", [1]),
        ("name=ant", [1]),
        ("name != ant", [2, 3, 4, 5]),
        ("name : e", [2, 4]),
        ("name:%", [3]),
        ('name = "cat%"', [3]),
        ("name = 'ant'", [1]),
        (r'name = "\""', [5]),
        ("""name = '"'""", [5]),
        ("size > 2 AND size <= 4", [3, 4]),
        ("size > 2 size <= 4", [3, 4]),
        ("size < 2 OR size >= 5", [1, 5]),
        # OR binds tighter than AND: (size = 1 OR size = 2) AND state = OPEN.
        ("size = 1 OR size = 2 AND state = OPEN", [1]),
        ("state = OPEN AND size = 1 OR size = 2", [1]),
        ("(state = OPEN AND size = 1) OR size = 2", [1, 2]),
        ("NOT state = OPEN", [2, 4]),
        ("-state = OPEN", [2, 4]),
        ("NOT (size = 1 OR size = 2)", [3, 4, 5]),
        ("-(size = 1 OR size = 2) AND state = OPEN", [3, 5]),
        ("size > -1", [1, 2, 3, 4, 5]),
        ("labels.zone = a", [4]),
        ("((((name = ant))))", [1]),
        ("name = AND", []),
    ],
)
def test_a_filter_matches(matching, text, sizes):
    assert matching(text) == sizes


@pytest.mark.parametrize(
    ("text", "position", "detail"),
    [
        ("colour = red", 0, "unknown field 'colour'"),
        ("  colour = red", 2, "unknown field 'colour'"),
        ("name", 4, "expected an operator, found 'the end'"),
        ("name =", 6, "expected a value, found 'the end'"),
        ("name = (", 7, "expected a value, found '('"),
        ("= ant", 0, "expected a field name"),
        ("name > ant", 5, "name takes = != :, not >"),
        ("state < OPEN", 6, "state takes = !=, not <"),
        ("state = AJAR", 8, "must be one of OPEN, CLOSED"),
        ("size = two", 7, "size:"),
        ("(name = ant", 11, "expected )"),
        ("name = ant)", 10, "expected AND, OR or the end"),
        ("()", 1, "expected a field name"),
        ("name = ant AND", 14, "expected a field name"),
        ("name = ant OR", 13, "expected a field name"),
        ("NOT", 3, "expected a field name"),
        ("NOT NOT name = ant", 4, "unknown field 'NOT'"),
        ('name = "ant', 7, "cannot read"),
        ('name = ant "bee"', 11, "expected a field name"),
        ("name = a\0b", 8, "cannot read"),
        ("labels. = a", 0, "unknown field"),
        ("labels.zone : a", 12, "takes =, not :"),
        ("(" * 40 + "name = ant" + ")" * 40, 33, "more than 32 levels"),
        (" ".join(["size=1"] * 65), 448, "more than 64 comparisons"),
    ],
    ids=lambda value: repr(value)[:30] if isinstance(value, str) else None,
)
def test_a_bad_filter_is_refused_at_its_place(text, position, detail):
    with pytest.raises(ServiceError) as caught:
        compile_filter(text, FIELDS)
    error = caught.value
    assert error.reason is Reason.FILTER_INVALID
    assert error.metadata["position"] == str(position)
    assert detail in error.metadata["detail"]
    assert f"at character {position + 1}" in error.message
    assert error.violations[0].field == "filter"


def refusal(text: str) -> Reason:
    """Why a filter is refused; FILTER_INVALID if it is not."""
    try:
        compile_filter(text, FIELDS)
    except ServiceError as error:
        return error.reason
    return Reason.FILTER_INVALID


@given(st.text(max_size=60))
def test_no_text_does_anything_but_compile_or_be_refused(text):
    assert refusal(text) is Reason.FILTER_INVALID


WORDS = ["name", "size", "state", "labels.a", "AND", "OR", "NOT", "-", "(", ")", "=", "!=", ":", "<", "1", "ant", '"x"']


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_no_arrangement_of_its_words_does_anything_but_compile_or_be_refused(text):
    assert refusal(text) is Reason.FILTER_INVALID


COMPARISONS = st.sampled_from(["size = 1", "size > 2", "state = OPEN", "name = bee"])
TRUTH = {
    "size = 1": lambda _name, size, _state: size == 1,
    "size > 2": lambda _name, size, _state: size > 2,
    "state = OPEN": lambda _name, _size, state: state == 1,
    "name = bee": lambda name, _size, _state: name == "bee",
}
EXPRESSIONS = st.recursive(
    COMPARISONS.map(lambda text: (text, TRUTH[text])),
    lambda inner: st.one_of(
        inner.map(lambda one: (f"NOT ({one[0]})", lambda *row: not one[1](*row))),
        st.tuples(inner, inner).map(
            lambda two: (f"({two[0][0]}) AND ({two[1][0]})", lambda *row: two[0][1](*row) and two[1][1](*row))
        ),
        st.tuples(inner, inner).map(
            lambda two: (f"({two[0][0]}) OR ({two[1][0]})", lambda *row: two[0][1](*row) or two[1][1](*row))
        ),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_any_nesting_means_what_logic_says(matching, expression):
    text, truth = expression
    assert matching(text) == [row[1] for row in ROWS if truth(*row)]
