"""Semantic versions: the specification's own examples."""

import pytest
from maestro_services.templates.domain.semver import SemanticVersion, latest

# The order that semver.org 2.0.0 gives in its clauses 11.2 to 11.4.
PRECEDENCE = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "2.0.0",
    "2.1.0",
    "2.1.1",
    "2.10.0",
    "10.0.0",
]
# From the list of the specification's regular expression tests.
VALID = ["0.0.4", "1.1.2-prerelease", "1.0.0-0A.is.legal", "1.2.3----RC-SNAPSHOT.12.9.1--.12", "1.0.0-alpha0.valid"]
INVALID = [
    "",
    "1",
    "1.2",
    "1.2.3.4",
    "v1.2.3",
    "01.1.1",
    "1.01.1",
    "1.1.01",
    "1.2.3-",
    "1.2.3-a..b",
    "1.2.3-01",
    "1.2.3-é",
    "1.2.3 ",
    " 1.2.3",
    "1.2.3\n",
    "\u0661.2.3",
    "1.0.0+build",
    "1.2.3-" + "x" * 60,
]


def test_the_order_is_that_of_the_specification() -> None:
    versions = [SemanticVersion.parse(text) for text in PRECEDENCE]
    shuffled = versions[::2] + versions[1::2]
    assert sorted(shuffled) == versions
    assert sorted(shuffled, key=lambda version: version.sort_key) == versions


@pytest.mark.parametrize("text", [*PRECEDENCE, *VALID])
def test_a_version_is_written_as_it_was_read(text: str) -> None:
    assert str(SemanticVersion.parse(text)) == text


@pytest.mark.parametrize("text", INVALID)
def test_other_texts_are_no_versions(text: str) -> None:
    with pytest.raises(ValueError, match="version"):
        SemanticVersion.parse(text)


def test_the_latest_version_is_the_highest_release_or_else_the_highest() -> None:
    parse = SemanticVersion.parse
    assert latest([parse("1.0.0"), parse("2.0.0-rc.1"), parse("0.9.0")]) == parse("1.0.0")
    assert latest([parse("1.0.0-a"), parse("1.0.0-b")]) == parse("1.0.0-b")
