"""Patches are what they say, and never of tests."""

import dataclasses
import subprocess
from pathlib import Path

import pytest
from maestro_services.automation.domain.patch import (
    Edit,
    TouchesTest,
    UnusableEdit,
    apply_edit,
    is_test_file,
    make_patch,
)

BASE = "def f(a, b):\r\n    # größer?\n    return a > b\x0c\n".encode()
START = BASE.index(b"a > b")
EDIT = Edit("pkg/f.py", START, START + 5, "a > b", "a >= b", 3, 12, "f", "comparison-operator", True, 1.0, 2)


def test_an_edit_changes_its_bytes_and_no_others():
    assert apply_edit(BASE, EDIT) == BASE.replace(b"a > b", b"a >= b")


@pytest.mark.parametrize(
    "changes",
    [
        {"before": "a < b"},
        {"start": -1},
        {"end": 10_000},
        {"after": "a >"},
        {"after": "a > b"},
        {"start": START + 1},
    ],
)
def test_an_edit_that_does_not_fit_is_refused(changes):
    with pytest.raises(UnusableEdit):
        apply_edit(BASE, dataclasses.replace(EDIT, **changes))


@pytest.mark.parametrize(
    "path", ["test_f.py", "pkg/f_test.py", "tests/f.py", "a/test/b.py", "conftest.py", "a/conftest.py", "testing/x.py"]
)
def test_files_of_tests_are_known_and_never_edited(path):
    assert is_test_file(path)
    with pytest.raises(TouchesTest):
        apply_edit(BASE, dataclasses.replace(EDIT, path=path))


@pytest.mark.parametrize("path", ["f.py", "src/pkg/contest.py", "attest/f.py", "latest.py"])
def test_product_files_are_not_taken_for_tests(path):
    assert not is_test_file(path)


@pytest.mark.parametrize("base", [BASE, BASE.rstrip(b"\x0c\n"), b"x = a > b", b"x = a > b\n\n\n"])
def test_git_applies_the_diff(tmp_path: Path, base: bytes):
    start = base.index(b"a > b")
    patch = make_patch(base, dataclasses.replace(EDIT, start=start, end=start + 5))
    file = tmp_path / "pkg" / "f.py"
    file.parent.mkdir()
    file.write_bytes(base)
    subprocess.run(["git", "apply", "-p1"], input=patch.unified_diff.encode(), cwd=tmp_path, check=True)
    assert file.read_bytes() == base.replace(b"a > b", b"a >= b")


def test_a_patch_names_both_contents():
    patch = make_patch(BASE, EDIT)
    (file,) = patch.files
    assert (file.base.size_bytes, file.new.size_bytes) == (len(BASE), len(BASE) + 1)
    assert patch == make_patch(BASE, EDIT)
