"""Edits of the source keep what they do not change, and mean what they say."""

import ast
import textwrap

import pytest
from maestro_services.automation.search.changes import Change, Kind, changed_tree
from maestro_services.automation.search.families import FAMILIES
from maestro_services.automation.search.rendering import render
from maestro_services.automation.search.scopes import FunctionScope, ModuleScope, Site
from maestro_services.automation.search.sources import SourceFile


def source_of(text: str) -> SourceFile:
    return SourceFile("f.py", "/f.py", textwrap.dedent(text).lstrip().encode())


def site_of(source: SourceFile, text: str) -> Site:
    """The first node with this text."""
    module = ModuleScope(source)
    for node in source.places:
        if isinstance(node, ast.expr | ast.stmt) and source.text(node) == text:
            place = source.places[node]
            return Site(node, place.parent, place.field, FunctionScope(module, source.function_of(node)))
    raise AssertionError(text)


def edits_of(source: SourceFile, text: str, family: str) -> set[str]:
    (chosen,) = [one for one in FAMILIES if one.name == family]
    changes = list(chosen.changes(site_of(source, text)))
    rendered = [render(source, change) for change in changes]
    return {edit.text for edit in rendered if edit is not None}


SHOP = '''
    """Shop."""

    LIMIT = 10


    def total(lines, discount=0):
        """The total."""
        amount = 0
        for name, price in lines:  # every line
            amount += price * (1 - discount)
            if price > LIMIT and not name.startswith("x"):
                amount = min(amount, price)
        first = [1, 2][0]
        return (amount
                + first)  # at last
'''


@pytest.mark.parametrize(
    ("text", "family", "expected"),
    [
        ("price > LIMIT", "comparison-operator", {"price >= LIMIT", "price < LIMIT", "price == LIMIT"}),
        ("price * (1 - discount)", "arithmetic-operator", {"price - (1 - discount)", "price // (1 - discount)"}),
        (
            'price > LIMIT and not name.startswith("x")',
            "boolean-operator",
            {'price > LIMIT or not name.startswith("x")'},
        ),
        ("10", "literal", {"11", "9", "0"}),
        ("min(amount, price)", "twin-function", {"max(amount, price)"}),
        ("min(amount, price)", "swap", {"min(price, amount)"}),
        ("min(amount, price)", "drop", {"amount", "price"}),
        ("discount", "variable", {"lines", "amount", "price"}),
        ("[1, 2][0]", "off-by-one", {"[1, 2][0] + 1", "[1, 2][0] - 1"}),
        ('name.startswith("x")', "twin-function", {'name.endswith("x")'}),
        ("amount += price * (1 - discount)", "reassign", {"amount = price * (1 - discount)"}),
        ("amount = min(amount, price)", "delete", {"pass"}),
        ("first = [1, 2][0]", "delete", {""}),
        ("lines", "enclose", {"list(lines)", "reversed(lines)"}),
        ("lines", "subsequence", {"lines[1:]", "lines[:-1]"}),
        ("amount += price * (1 - discount)", "step", {"        amount += 1\n"}),
    ],
)
def test_a_family_proposes(text, family, expected):
    assert expected <= edits_of(source_of(SHOP), text, family)


def test_every_rendered_edit_parses_to_its_tree_and_keeps_the_comments():
    source = source_of(SHOP)
    module = ModuleScope(source)
    rendered = 0
    for node, place in source.places.items():
        if not isinstance(node, ast.expr | ast.stmt) or source.function_of(node) is None:
            continue
        site = Site(node, place.parent, place.field, FunctionScope(module, source.function_of(node)))
        for family in FAMILIES[:20]:
            for change in family.changes(site):
                edit = render(source, change)
                if edit is None:
                    continue
                rendered += 1
                new = edit.apply(source.data)
                assert ast.dump(ast.parse(new)) == ast.dump(changed_tree(source, change, source.tree))
                assert b"# every line" in new
    assert rendered > 100


def test_what_is_inside_an_f_string_is_edited_as_a_whole():
    source = source_of('def f(a, b):\n    return f"{a - b} left"\n')
    edits = edits_of(source, "a - b", "arithmetic-operator")
    assert edits & {"f'{a + b} left'", 'f"{a + b} left"', "a + b"}


def test_parentheses_come_where_the_meaning_needs_them():
    source = source_of("def f(a, b, c):\n    return (a + b) * c\n")
    assert "(a + b) // c" in edits_of(source, "(a + b) * c", "arithmetic-operator")
    assert "a + b * c" in edits_of(source, "(a + b) * c", "regroup")


def test_a_line_is_inserted_at_the_depth_of_its_neighbour_even_at_the_end_of_the_file():
    source = SourceFile("f.py", "/f.py", b"def f(a):\n    if a:\n        b = a")
    change = Change(Kind.AFTER, site_of(source, "b = a").node, ast.parse("b += 1").body[0])
    edit = render(source, change)
    assert edit is not None
    assert edit.apply(source.data) == b"def f(a):\n    if a:\n        b = a\n        b += 1"


def test_names_are_bytes_wide():
    source = source_of("def f(größe, b):\n    return größe - b\n")
    assert "größe + b" in edits_of(source, "größe - b", "arithmetic-operator")
