import os
from pathlib import Path

import pytest
from maestro.execution.v1 import artifact_pb2
from maestro_client.tree import (
    ContentChanged,
    DigestCache,
    SnapshotLimits,
    Tree,
    TreeError,
    decode_directory,
    digest_of,
    load_tree,
    take_snapshot,
)


def write(folder: Path, *names: str, **files: str) -> Path:
    """Write files: names are their own content, `a__b="x"` is the file a/b with the content x."""
    for name, text in {
        **dict(zip(names, names, strict=True)),
        **{k.replace("__", "/"): v for k, v in files.items()},
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_snapshot_is_sorted_canonical_and_repeatable(tmp_path: Path) -> None:
    write(tmp_path, b="2", a="1", d__c="3")
    first, second = take_snapshot(tmp_path), take_snapshot(tmp_path)
    assert first.encoded.root == second.encoded.root
    directory = decode_directory(first.encoded.directories[first.encoded.root.sha256])
    assert [node.name for node in directory.files] == ["a", "b"]
    assert directory.SerializeToString() == first.encoded.directories[first.encoded.root.sha256]


def test_names_are_sorted_by_their_bytes() -> None:
    digest = digest_of(b"x")
    tree = Tree().with_file("é", digest).with_file("z", digest).with_file("Z", digest).without("Z")
    encoded = tree.encode()
    directory = decode_directory(encoded.directories[encoded.root.sha256])
    assert [node.name for node in directory.files] == ["z", "é"]


async def test_a_tree_survives_encoding_and_loading(tmp_path: Path) -> None:
    write(tmp_path, a="1", deep__er__b="2")
    (tmp_path / "link").symlink_to("deep/er/b")
    (tmp_path / "empty").mkdir()
    (tmp_path / "run.sh").write_text("#!")
    (tmp_path / "run.sh").chmod(0o755)
    snapshot = take_snapshot(tmp_path)

    async def fetch(digest: object) -> bytes:
        return snapshot.encoded.directories[digest.sha256]  # type: ignore[attr-defined]

    assert await load_tree(fetch, snapshot.encoded.root) == snapshot.tree
    assert snapshot.tree.files["run.sh"].executable
    assert snapshot.tree.empty_directories == {"empty"}


def test_nested_gitignore_files_rule_their_folders(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.log\nbuild/\n!keep.log\n/top.txt\n")
    write(tmp_path, "a.log", "keep.log", "build/x", "sub/build/y", "top.txt", "sub/top.txt")
    (tmp_path / "sub" / ".gitignore").write_text("!a.log\ndata/*\n!data/kept\n")
    write(tmp_path, "sub/a.log", "sub/data/gone", "sub/data/kept")
    assert set(take_snapshot(tmp_path).tree.files) == {
        ".gitignore",
        "keep.log",
        "sub/.gitignore",
        "sub/a.log",
        "sub/data/kept",
        "sub/top.txt",
    }


def test_gitignore_files_can_be_disregarded(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*")
    write(tmp_path, a="")
    assert set(take_snapshot(tmp_path).tree.files) == set()
    assert set(take_snapshot(tmp_path, gitignore=False).tree.files) == {".gitignore", "a"}


def test_caches_and_virtual_environments_never_travel(tmp_path: Path) -> None:
    write(tmp_path, "a", ".git/config", "p/__pycache__/x", "myenv/pyvenv.cfg", "myenv/lib/x.py", "b.pyc")
    assert set(take_snapshot(tmp_path).tree.files) == {"a"}


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "d/../../outside"])
def test_a_link_that_leaves_the_tree_is_refused_by_its_path(tmp_path: Path, target: str) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d2").symlink_to(target)
    with pytest.raises(TreeError, match=r"^d2: links to"):
        take_snapshot(tmp_path)


def test_a_link_inside_the_tree_travels_as_a_link(tmp_path: Path) -> None:
    write(tmp_path, d__a="1")
    (tmp_path / "d" / "up").symlink_to("../d/a")
    assert take_snapshot(tmp_path).tree.symlinks == {"d/up": "../d/a"}


def test_a_pipe_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not take_snapshot(tmp_path).tree.files


def test_names_that_differ_in_case_only_are_refused(tmp_path: Path) -> None:
    write(tmp_path, readme="", README="")
    with pytest.raises(TreeError, match="in case only"):
        take_snapshot(tmp_path)


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"bad\xff")).write_text("")
    with pytest.raises(TreeError, match="UTF-8"):
        take_snapshot(tmp_path)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (SnapshotLimits(file_count=1), "one file more than the 1"),
        (SnapshotLimits(file_bytes=3), "at most 3 travel"),
        (SnapshotLimits(total_bytes=5), "over 5 bytes"),
    ],
)
def test_limits_name_the_path_at_which_they_are_reached(tmp_path: Path, limits: SnapshotLimits, sentence: str) -> None:
    write(tmp_path, a="1234", b="5678")
    with pytest.raises(TreeError, match=sentence):
        take_snapshot(tmp_path, limits=limits)


def test_a_missing_folder_and_a_file_are_no_trees(tmp_path: Path) -> None:
    write(tmp_path, a="")
    with pytest.raises(FileNotFoundError):
        take_snapshot(tmp_path / "gone")
    with pytest.raises(TreeError, match="not a directory"):
        take_snapshot(tmp_path / "a")


def test_replacing_a_file_keeps_its_mark_and_changes_the_root() -> None:
    tree = Tree().with_file("d/run", digest_of(b"1"), executable=True).with_file("x", digest_of(b"2"))
    changed = tree.with_file("d/run", digest_of(b"3"))
    assert changed.files["d/run"].executable
    assert changed.encode().root != tree.encode().root
    assert changed.without("d/run").encode().root != changed.encode().root
    assert tree.with_file("d/run", digest_of(b"1")).encode().root == tree.encode().root


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", "", "a/./b", "a\0b", "x" * 256])
def test_unsafe_paths_are_refused(path: str) -> None:
    with pytest.raises(TreeError):
        Tree().with_file(path, digest_of(b""))


def test_a_name_cannot_be_a_file_and_a_directory() -> None:
    with pytest.raises(TreeError, match="both a file and a directory"):
        Tree().with_file("a", digest_of(b"")).with_file("a/b", digest_of(b"")).encode()


def test_an_unsafe_name_in_a_stored_directory_is_refused() -> None:
    directory = artifact_pb2.Directory(files=[artifact_pb2.FileNode(name="..", digest=digest_of(b""))])
    with pytest.raises(TreeError):
        decode_directory(directory.SerializeToString())
    with pytest.raises(TreeError, match="not an encoded directory"):
        decode_directory(b"\xff\xff")


def test_unchanged_files_are_not_hashed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, folder = write(tmp_path / "p", a="1"), tmp_path / "cache"
    os.utime(project / "a", (1, 1))
    cache = DigestCache(folder, project)
    first = take_snapshot(project, memory=cache)
    cache.save()
    monkeypatch.setattr("maestro_client._snapshot.hash_file", None)
    assert take_snapshot(project, memory=DigestCache(folder, project)).encoded.root == first.encoded.root


def test_a_changed_file_is_hashed_again(tmp_path: Path) -> None:
    project, folder = write(tmp_path / "p", a="1"), tmp_path / "cache"
    os.utime(project / "a", (1, 1))
    cache = DigestCache(folder, project)
    first = take_snapshot(project, memory=cache)
    cache.save()
    (project / "a").write_text("2")
    assert take_snapshot(project, memory=DigestCache(folder, project)).encoded.root != first.encoded.root


def test_a_damaged_cache_only_costs_time(tmp_path: Path) -> None:
    project = write(tmp_path / "p", a="1")
    cache = DigestCache(tmp_path, project)
    take_snapshot(project, memory=cache)
    cache.save()
    for file in tmp_path.glob("*.json"):
        file.write_text("{")
    assert take_snapshot(project, memory=DigestCache(tmp_path, project)).tree.files


def test_a_file_that_grows_while_it_is_read_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a="1")
    status = tmp_path.stat()
    monkeypatch.setattr("maestro_client._snapshot.os.fstat", lambda _: status)
    with pytest.raises(ContentChanged, match="a changes while it is read"):
        take_snapshot(tmp_path)
