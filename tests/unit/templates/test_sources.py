"""Which files are rendered, copied or left out."""

import pytest
from maestro_services.templates.domain.files import File
from maestro_services.templates.domain.semver import SemanticVersion
from maestro_services.templates.domain.template import Manifest
from maestro_services.templates.rendering.sources import sources

VERSION = SemanticVersion(1, 0, 0)


def rendered(manifest: Manifest, *paths: str, content: bytes = b"text") -> dict[str, bool]:
    files = [File("maestro-template.yaml", b""), *(File(path, content) for path in paths)]
    return {source.name: not source.verbatim for source in sources(manifest, files)}


def test_everything_but_the_manifest_is_rendered() -> None:
    assert rendered(Manifest("x", VERSION), "a", "b/c") == {"a": True, "b/c": True}


def test_the_root_alone_is_rendered_and_its_name_is_dropped() -> None:
    assert rendered(Manifest("x", VERSION, root="t"), "a", "t/b", "tt/c") == {"b": True}


@pytest.mark.parametrize("content", [b"a\0b", b"\xff\xfe", b"\x80abc"])
def test_binary_files_are_copied(content: bytes) -> None:
    assert rendered(Manifest("x", VERSION), "a", content=content) == {"a": False}


def test_a_glob_without_slash_is_about_names_and_one_with_slash_about_paths() -> None:
    manifest = Manifest("x", VERSION, copy_without_render=("*.svg", "raw/*"), exclude=("tmp", "docs/*.md"))
    found = rendered(manifest, "a.svg", "d/a.svg", "raw/x", "d/raw/x", "tmp", "d/tmp", "docs/a.md", "a.md")
    assert found == {"a.svg": False, "d/a.svg": False, "raw/x": False, "d/raw/x": True, "a.md": True}


def test_with_a_suffix_only_its_files_are_rendered_and_lose_it() -> None:
    assert rendered(Manifest("x", VERSION, suffix=".j2"), "a.py.j2", "b.py") == {"a.py": True, "b.py": False}
