"""What manifests say, and what is said of faulty ones."""

import pytest
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.templates.domain.semver import SemanticVersion
from maestro_services.templates.domain.template import Manifest
from maestro_services.templates.domain.variables import Variable, VariableType
from maestro_services.templates.manifest.manifest import parse_manifest

HEAD = "display_name: x\nversion: 1.0.0\n"


def faults(text: str, version: str = "") -> list[str]:
    named = SemanticVersion.parse(version) if version else None
    with pytest.raises(ServiceError) as refused:
        parse_manifest(text.encode(), named)
    assert refused.value.reason is Reason.TEMPLATE_INVALID
    return [violation.description.removeprefix("maestro-template.yaml:") for violation in refused.value.violations]


def parse(text: str) -> Manifest:
    return parse_manifest((HEAD + text).encode())


def test_a_whole_manifest_is_read() -> None:
    manifest = parse(
        """description: A thing.
keywords: [a, b]
root: files
suffix: .jinja
copy_without_render: ['*.png']
exclude: [docs/*]
variables:
  name: {description: Who., required: true, pattern: '[a-z]+', min: 2, max: 9}
  count: {type: integer, default: 012, min: 1}
  size: {type: choice, choices: [s, m], default: m}
  loud: {type: boolean, default: True}
  tags: {type: strings, default: [no, '1.0'], max: 3}
"""
    )
    assert manifest.keywords == ("a", "b")
    assert (manifest.root, manifest.suffix) == ("files", ".jinja")
    assert manifest.variables == (
        Variable("name", VariableType.STRING, "Who.", required=True, pattern="[a-z]+", minimum=2, maximum=9),
        Variable("count", VariableType.INTEGER, default=12, minimum=1),
        Variable("size", VariableType.CHOICE, default="m", choices=("s", "m")),
        Variable("loud", VariableType.BOOLEAN, default=True),
        Variable("tags", VariableType.STRING_LIST, default=("no", "1.0"), maximum=3),
    )


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "off", "y", "n", "12:30:45", "1_000", "0b1", "2026-11-22", "=", "<<"]
)
def test_words_that_older_yaml_made_something_else_of_are_texts(word: str) -> None:
    assert parse(f"description: {word}\n").description == word


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("description: 012", "12"),
        ("description: 0o17", "15"),
        ("description: 0x1F", "31"),
        ("description: true", "true"),
        ("description: ~", "nothing"),
        ("description: 1.5e3", "1500.0"),
        ("description: [a]", "a list"),
        ("description: {a: b}", "a mapping"),
    ],
)
def test_what_is_no_text_is_told_as_what_it_is(text: str, found: str) -> None:
    assert faults(HEAD + text) == [f"3:14: description: expected a text, not {found}"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("q: x", "3:1: q: unknown key; expected one of display_name, version, description, keywords, root, suffix"),
        ("descripton: x", "3:1: descripton: unknown key; did you mean `description`?"),
        ("version: 2.0.0", "3:1: version: key `version` stands once; it stood in line 2 already"),
        ("keywords: [a, 3]", "3:15: keywords[1]: expected a text, not 3"),
        ("root: ../x", "3:7: root: expected a directory of the template: no part of a path is empty, `.` or `..`"),
        ("suffix: jinja", "3:9: suffix: expected an ending of file names, such as .jinja"),
        ("variables: [a]", "3:12: variables: expected a mapping of names to variables"),
        ("variables: {if: {}}", "3:13: variables.if: expected a name of letters, digits and `_`"),
        ("variables: {a b: {}}", "3:13: variables.a b: expected a name of letters"),
        ("variables: {a: {type: text}}", "3:23: variables.a.type: expected one of string, integer, boolean, choice"),
        ("variables: {a: {type: choice}}", "3:16: variables.a.choices: expected at least one choice"),
        ("variables: {a: {choices: [x]}}", "3:26: variables.a.choices: expected no choices but for a choice"),
        ("variables: {a: {type: choice, choices: [x, x]}}", "3:40: variables.a.choices: expected different choices"),
        ("variables: {a: {type: integer, pattern: x}}", "3:41: variables.a.pattern: expected no pattern but for"),
        ("variables: {a: {min: 3, max: 2}}", "3:30: variables.a.max: expected a number that is not below min"),
        ("variables: {a: {type: boolean, min: 3}}", "3:37: variables.a.min: expected no min or max for this type"),
        ("variables: {a: {min: x}}", "3:22: variables.a.min: expected a whole number, not 'x'"),
        ("variables: {a: {required: true, default: x}}", "3:27: variables.a.required: expected a default or required"),
        (
            "variables: {a: {type: integer, default: 9223372036854775808}}",
            "3:41: variables.a.default: expected a number",
        ),
        ("variables: {a: {default: xx, max: 1}}", "3:26: variables.a.default: expected a valid default: the length"),
        ("variables: {a: {defualt: x}}", "3:17: variables.a.defualt: unknown key; did you mean `default`?"),
        ("a: &x b", "3:4: no anchors"),
        ("a: *x", "3:4: no aliases"),
        ("a: !!str b", "3:4: no tags"),
        ("? [a]\n: b", "3:3: a key is a text"),
        ("a: 'b", "valid YAML"),
        ("---\na: b", "valid YAML"),
        ('description: "a\\0b"', "3:14: description: expected a text without NUL"),
        ('description: "\\uD800"', "valid YAML"),
    ],
)
def test_a_fault_is_told_with_its_place_its_field_and_what_was_expected(text: str, fault: str) -> None:
    assert any(fault in one for one in faults(HEAD + text + "\n")), faults(HEAD + text + "\n")


def test_every_fault_is_told_in_the_order_of_the_text() -> None:
    told = faults("version: 1\nkeywords: x\nroot: /\nzzz: 1\n")
    assert [one.split(":")[0] for one in told] == ["1", "1", "2", "3", "4"]


def test_a_version_is_needed_unless_the_request_names_it() -> None:
    assert "expected this key, which is missing" in faults("display_name: x\n")[0]
    named = SemanticVersion(2, 0, 0)
    assert parse_manifest(b"display_name: x\n", named).version == named
    assert faults(HEAD, "2.0.0") == ["2:10: version: expected 2.0.0, which the request names"]


def test_a_default_that_is_a_template_is_checked_when_it_is_rendered() -> None:
    assert parse("variables: {a: {default: '{{ b }}', max: 1}}\n").variables[0].default == "{{ b }}"


@pytest.mark.parametrize("content", [b"", b"# only a comment\n", b"\xff\xfe", b"a\0b", b"x" * (300 << 10)])
def test_what_is_no_document_is_refused(content: bytes) -> None:
    with pytest.raises(ServiceError) as refused:
        parse_manifest(content)
    assert refused.value.metadata["file"] == "maestro-template.yaml"


def test_a_byte_order_mark_is_no_fault() -> None:
    assert parse_manifest(b"\xef\xbb\xbf" + HEAD.encode()).display_name == "x"
