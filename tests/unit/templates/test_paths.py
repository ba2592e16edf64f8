"""Which paths are safe, and which collide."""

import pytest
from maestro_services.templates.domain.paths import collision, path_fault


@pytest.mark.parametrize(
    "path",
    ["a", "a/b.txt", ".gitignore", ".github/workflows/x.yml", "größe/日本.txt", "{{ name }}/x", "a b", "..a", "a..b"],
)
def test_an_ordinary_path_has_no_fault(path: str) -> None:
    assert path_fault(path) is None


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("", "not empty"),
        ("/a", "relative"),
        ("C:/a", "relative"),
        ("c:a", "relative"),
        ("a\\b", "backslash"),
        ("a\0b", "invisible"),
        ("a\u200db", "invisible"),
        ("a\ud800b", "invisible"),
        ("a/../b", "`..`"),
        ("./a", "`.`"),
        ("a//b", "empty"),
        ("a/", "empty"),
        ("a./b", "dot"),
        ("a /b", "space"),
        (".git/x", ".git"),
        ("x/.Git", ".git"),
        (".\uff27\uff29\uff34/x", ".git"),
        ("GIT~1/x", ".git"),
        ("nul.txt", "device"),
        ("a/COM1", "device"),
        ("é" * 200, "255 bytes"),
        ("a/" * 520 + "b", "1024 bytes"),
    ],
)
def test_an_unsafe_path_is_told_why(path: str, fault: str) -> None:
    assert fault in str(path_fault(path))


@pytest.mark.parametrize(
    "paths",
    [
        ["a", "a"],
        ["a", "A"],
        ["a", "a/b"],
        ["a/b", "a"],
        ["A/b", "a/c"],
        ["stra\u00dfe", "STRASSE"],
        ["caf\u00e9", "cafe\u0301"],
        ["x", "a/b", "A/b"],
    ],
)
def test_paths_that_some_file_system_takes_for_one_collide(paths: list[str]) -> None:
    assert collision(paths) == (paths[-2], paths[-1])


def test_other_paths_do_not_collide() -> None:
    assert collision(["a/b", "a/c", "b", "a/d/e", "a/d/f"]) is None
