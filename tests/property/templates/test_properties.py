"""What holds for every version, path and manifest."""

import contextlib
import re
from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.templates.domain.paths import collision, path_fault
from maestro_services.templates.domain.semver import SemanticVersion
from maestro_services.templates.manifest.manifest import parse_manifest

numbers = st.integers(min_value=0, max_value=10**12)
identifiers = st.from_regex(r"[0-9]*[A-Za-z-][0-9A-Za-z-]*", fullmatch=True) | numbers.map(str)
versions = st.builds(
    SemanticVersion,
    numbers,
    numbers,
    numbers,
    st.lists(identifiers.filter(lambda one: len(one) < 9), max_size=3).map(tuple),
).filter(lambda version: len(str(version)) <= 64)
paths = st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=4).map("/".join)


def precedence(version: SemanticVersion) -> tuple[object, ...]:
    """The specification's order, written down once more and differently."""
    prerelease = tuple((0, int(one), "") if one.isdigit() else (1, 0, one) for one in version.prerelease)
    return (version.major, version.minor, version.patch, not prerelease, prerelease)


@given(versions)
def test_a_version_is_read_back(version: SemanticVersion) -> None:
    assert SemanticVersion.parse(str(version)) == version


@given(versions, versions)
def test_sort_keys_are_ordered_as_the_specification_orders_versions(
    first: SemanticVersion, second: SemanticVersion
) -> None:
    assert (first.sort_key < second.sort_key) == (precedence(first) < precedence(second))
    assert (first.sort_key == second.sort_key) == (first == second)


@given(st.text(max_size=80))
def test_a_text_that_is_a_version_is_its_only_spelling(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert str(SemanticVersion.parse(text)) == text


@given(st.text(max_size=40) | paths)
def test_a_path_without_fault_stays_below_any_directory(path: str) -> None:
    if path_fault(path) is None:
        below = PurePosixPath("/target", path)
        assert below.is_relative_to("/target")
        assert not {"..", "."} & set(path.split("/"))
        assert str(below) == f"/target/{path}"
        assert not re.search(r"[\x00-\x1f\\]", path)


@given(st.lists(paths, max_size=8))
def test_paths_that_do_not_collide_are_different_where_case_is_ignored(found: list[str]) -> None:
    if collision(found) is None:
        folded = {path.casefold() for path in found}
        assert len(folded) == len(found)
        assert not any(one.startswith(f"{other}/") for one in folded for other in folded)


def refusal(content: bytes) -> ServiceError | None:
    try:
        parse_manifest(content)
    except ServiceError as error:
        return error
    return None


def assert_is_manifest_or_refused_with_its_place(content: bytes) -> None:
    error = refusal(content)
    if error is not None:
        assert error.reason is Reason.TEMPLATE_INVALID
        assert int(error.metadata["line"]) >= 1
        assert int(error.metadata["column"]) >= 1


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_manifest_or_are_refused_with_a_place(content: bytes) -> None:
    assert_is_manifest_or_refused_with_its_place(content)


yaml_like = st.recursive(
    st.sampled_from(["", "x", "1", "true", "~", "&a", "*a", "!t", "'", '"', "1.0.0", "string", "integer"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(
            st.sampled_from(["display_name", "version", "variables", "a", "type", "default", "min", "choices"]),
            inner,
            max_size=4,
        ).map(lambda entries: "{" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}"),
    ),
    max_leaves=12,
)


@given(yaml_like)
def test_any_document_is_a_manifest_or_is_refused_with_a_place(text: str) -> None:
    assert_is_manifest_or_refused_with_its_place(text.encode())
