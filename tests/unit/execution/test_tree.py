"""Trees that a worker must not materialize are refused with their path and rule."""

import pytest
from maestro_services.execution.domain.tree import (
    BlobRef,
    Link,
    Listing,
    Node,
    TreeLimits,
    TreeWalk,
    check_listing,
    check_working_directory,
)
from maestro_services.runtime.errors import Reason, ServiceError

BLOB = BlobRef("0" * 64, 10)


def files(*names: str) -> Listing:
    return Listing(files=[Node(name, BLOB) for name in names])


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "a\0b", "x" * 256, "é" * 128])
def test_a_name_must_be_one_safe_path_component(name):
    with pytest.raises(ServiceError) as caught:
        check_listing(files(name), "dir")

    assert caught.value.reason is Reason.TREE_INVALID
    assert set(caught.value.metadata) == {"path", "rule"}


@pytest.mark.parametrize("names", [("a", "a"), ("b", "a"), ("A", "a"), ("STRASSE", "straße")])
def test_names_are_sorted_and_differ_in_more_than_case(names):
    with pytest.raises(ServiceError):
        check_listing(files(*names), "")


def test_a_name_stands_in_one_list_only():
    listing = Listing(files=[Node("a", BLOB)], directories=[Node("a", BLOB)])

    with pytest.raises(ServiceError) as caught:
        check_listing(listing, "")
    assert caught.value.metadata == {"path": "a", "rule": "a name stands twice"}


@pytest.mark.parametrize(
    ("path", "target"),
    [("", ".."), ("", "/etc"), ("", "a/../.."), ("a", "../.."), ("a/b", "../../../c"), ("", "a\0"), ("", "")],
)
def test_a_link_must_stay_inside_by_its_text(path, target):
    with pytest.raises(ServiceError):
        check_listing(Listing(links=[Link("link", target)]), path)


@pytest.mark.parametrize(("path", "target"), [("", "a/b"), ("a", "../c"), ("a/b", "../../c"), ("a", "./b/..")])
def test_a_link_inside_is_accepted(path, target):
    check_listing(Listing(links=[Link("link", target)]), path)


def test_a_link_must_not_leave_by_way_of_another_link():
    # `deep/er/up` is the root itself, so `deep/er/up/..` is outside, though by its text it is `deep/er`.
    walk = TreeWalk(TreeLimits())
    walk.visit("", Listing(directories=[Node("deep", BLOB)], links=[Link("out", "deep/er/up/../secret")]))
    walk.visit("deep", Listing(directories=[Node("er", BLOB)]))
    walk.visit("deep/er", Listing(links=[Link("up", "../..")]))

    with pytest.raises(ServiceError) as caught:
        walk.finish()

    assert caught.value.metadata == {"path": "out", "rule": "a link leaves the tree"}


def test_links_in_a_circle_lead_nowhere_and_are_accepted():
    walk = TreeWalk(TreeLimits())
    walk.visit("", Listing(links=[Link("a", "b"), Link("b", "a"), Link("self", "self/self")]))

    walk.finish()


@pytest.mark.parametrize(
    ("limits", "path"),
    [
        (TreeLimits(entries=2), ""),
        (TreeLimits(size_bytes=29), ""),
        (TreeLimits(depth=2), "a/b/c"),
        (TreeLimits(path_bytes=256), "a"),
    ],
)
def test_limits_bound_a_tree(limits, path):
    with pytest.raises(ServiceError):
        TreeWalk(limits).visit(path, files("a", "b", "c"))


def test_a_walk_answers_directories_and_gathers_files():
    walk = TreeWalk(TreeLimits())

    children = walk.visit("", Listing(files=[Node("f", BLOB)], directories=[Node("d", BLOB)]))

    assert children == [("d", BLOB)]
    assert walk.files == {BLOB: "f"}


@pytest.mark.parametrize(("path", "safe"), [("", True), ("a/b", True), ("a/..", True), ("..", False), ("/a", False)])
def test_a_working_directory_stays_inside(path, safe):
    assert check_working_directory(path) is safe
