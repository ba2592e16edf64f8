import os
from pathlib import Path

import pytest
from maestro_client import Maestro
from maestro_client.tree import (
    ContentChanged,
    DigestMismatch,
    download_blob,
    download_file,
    fetch_tree,
    store_tree,
    take_snapshot,
    upload_blobs,
    upload_snapshot,
    upload_tree,
)

from .fakes import FakeArtifacts

PROJECT = "projects/p"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / "pkg").mkdir(parents=True)
    (project / "pkg" / "a.py").write_text("a")
    (project / "pkg" / "same.py").write_text("a")
    (project / "empty").write_text("")
    (project / "large").write_bytes(os.urandom((2 << 20) + 7))
    return project


async def test_a_tree_is_uploaded_once(maestro: Maestro, artifacts: FakeArtifacts, folder: Path) -> None:
    root = await upload_tree(maestro.artifacts, PROJECT, folder)
    assert root == take_snapshot(folder).encoded.root
    assert len(artifacts.blobs) == 5
    assert await upload_tree(maestro.artifacts, PROJECT, folder) == root
    assert artifacts.uploads == 1


async def test_a_stored_tree_comes_back(maestro: Maestro, folder: Path) -> None:
    root = await upload_tree(maestro.artifacts, PROJECT, folder)
    assert await fetch_tree(maestro.artifacts, PROJECT, root) == take_snapshot(folder).tree


async def test_a_patched_tree_is_stored_beside_the_old_one(maestro: Maestro, folder: Path) -> None:
    root = await upload_tree(maestro.artifacts, PROJECT, folder)
    tree = await fetch_tree(maestro.artifacts, PROJECT, root)
    [digest] = await upload_blobs(maestro.artifacts, PROJECT, [b"patched"])
    patched = await store_tree(maestro.artifacts, PROJECT, tree.with_file("pkg/a.py", digest), [b"patched"])
    changed = await fetch_tree(maestro.artifacts, PROJECT, patched)
    assert await download_blob(maestro.artifacts, PROJECT, changed.files["pkg/a.py"].digest) == b"patched"
    assert (await fetch_tree(maestro.artifacts, PROJECT, root)).files["pkg/a.py"] == tree.files["pkg/a.py"]


async def test_a_broken_upload_sends_the_rest(maestro: Maestro, artifacts: FakeArtifacts, folder: Path) -> None:
    artifacts.break_upload = {1, 2}
    root = await upload_tree(maestro.artifacts, PROJECT, folder)
    assert artifacts.uploads == 3
    assert root.sha256 in artifacts.blobs


async def test_a_file_that_changes_before_its_upload_is_snapshotted_again(
    maestro: Maestro, artifacts: FakeArtifacts, folder: Path
) -> None:
    snapshot = take_snapshot(folder)
    (folder / "large").write_bytes(b"changed")
    with pytest.raises(ContentChanged, match="large"):
        await upload_snapshot(maestro.artifacts, PROJECT, snapshot)
    root = await upload_tree(maestro.artifacts, PROJECT, folder)
    assert root.sha256 in artifacts.blobs


async def test_a_file_that_goes_before_its_upload_has_changed(maestro: Maestro, folder: Path) -> None:
    snapshot = take_snapshot(folder)
    (folder / "large").unlink()
    with pytest.raises(ContentChanged):
        await upload_snapshot(maestro.artifacts, PROJECT, snapshot)


async def test_a_cut_download_goes_on_where_it_was(
    maestro: Maestro, artifacts: FakeArtifacts, folder: Path, tmp_path: Path
) -> None:
    root = await upload_tree(maestro.artifacts, PROJECT, folder)
    large = (await fetch_tree(maestro.artifacts, PROJECT, root)).files["large"]
    artifacts.break_download_after = [1000, 500]
    await download_file(maestro.artifacts, PROJECT, large.digest, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == (folder / "large").read_bytes()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("lie", [b"b", b"too long", b""])
async def test_bytes_that_are_not_the_blob_are_refused(
    maestro: Maestro, artifacts: FakeArtifacts, tmp_path: Path, lie: bytes
) -> None:
    [digest] = await upload_blobs(maestro.artifacts, PROJECT, [b"a"])
    artifacts.blobs[digest.sha256] = lie
    with pytest.raises(DigestMismatch):
        await download_file(maestro.artifacts, PROJECT, digest, tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


async def test_an_empty_blob_travels(maestro: Maestro) -> None:
    [digest] = await upload_blobs(maestro.artifacts, PROJECT, [b""])
    assert await download_blob(maestro.artifacts, PROJECT, digest) == b""
