"""Input trees on disk, the blobs behind them, and the files that a run keeps."""

from pathlib import Path
from typing import Any

import pytest
from maestro.execution.v1 import artifact_pb2
from maestro_client.tree import DigestMismatch, TreeError, upload_tree
from maestro_services.worker import outputs
from maestro_services.worker.blobs import BlobCache
from maestro_services.worker.tree import materialize

from tests.contract.worker.fake_server import FakeArtifacts

PROJECT = "projects/p"


@pytest.fixture
def artifacts() -> FakeArtifacts:
    return FakeArtifacts()


@pytest.fixture
def blobs(tmp_path: Path, artifacts: FakeArtifacts) -> BlobCache:
    cache = BlobCache(tmp_path / "blobs", artifacts, 1 << 20)
    cache.open()
    return cache


def project(folder: Path) -> Path:
    (folder / "pkg" / "deep").mkdir(parents=True)
    (folder / "pkg" / "deep" / "code.py").write_bytes(b"x = 1\r\n\xff")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "empty").write_text("")
    (folder / "hollow").mkdir()
    (folder / "link").symlink_to("pkg/deep/code.py")
    return folder


async def test_a_tree_comes_back_as_it_was(tmp_path: Path, artifacts: FakeArtifacts, blobs: BlobCache) -> None:
    source = project(tmp_path / "source")
    root = await upload_tree(artifacts, PROJECT, source)
    target = tmp_path / "target"
    target.mkdir()
    await materialize(blobs, PROJECT, root, target)
    assert await upload_tree(artifacts, PROJECT, target) == root
    assert (target / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (target / "pkg/deep/code.py").read_bytes() == b"x = 1\r\n\xff"
    assert (target / "hollow").is_dir()
    assert (target / "link").readlink() == Path("pkg/deep/code.py")
    assert len({path.stat().st_mtime for path in target.rglob("*") if path.is_file()}) == 1


async def test_blobs_are_read_once_and_never_changed_by_an_action(
    tmp_path: Path, artifacts: FakeArtifacts, blobs: BlobCache
) -> None:
    root = await upload_tree(artifacts, PROJECT, project(tmp_path / "source"))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        await materialize(blobs, PROJECT, root, tmp_path / name)
        (tmp_path / name / "pkg/deep/code.py").write_text("changed in place")
        (tmp_path / name / "run.sh").chmod(0o000)
    assert len(artifacts.reads) == len(set(artifacts.reads))
    (tmp_path / "three").mkdir()
    await materialize(blobs, PROJECT, root, tmp_path / "three")
    assert await upload_tree(artifacts, PROJECT, tmp_path / "three") == root


async def test_the_cache_is_bounded_and_outlives_its_process(tmp_path: Path, artifacts: FakeArtifacts) -> None:
    digests = [artifacts.add(bytes([number]) * 1000) for number in range(10)]
    cache = BlobCache(tmp_path / "blobs", artifacts, 5000)
    cache.open()
    for digest in digests:
        await cache.read(PROJECT, digest)
    await cache.read(PROJECT, digests[5])
    await cache.read(PROJECT, digests[0])
    cache.close()
    kept = {path.name for path in (tmp_path / "blobs").rglob("*") if path.is_file()}
    assert kept == {digests[number].sha256 for number in (0, 5, 7, 8, 9)}
    again = BlobCache(tmp_path / "blobs", artifacts, 5000)
    again.open()
    artifacts.reads.clear()
    assert await again.read(PROJECT, digests[0]) == bytes(1000)
    await again.read(PROJECT, digests[1])
    assert artifacts.reads == [digests[1].sha256]
    assert {path.name for path in (tmp_path / "blobs").rglob("*") if path.is_file()} == {
        digests[number].sha256 for number in (0, 1, 5, 8, 9)
    }


async def test_a_blob_that_lies_is_refused(artifacts: FakeArtifacts, blobs: BlobCache) -> None:
    digest = artifacts.add(b"truth")
    artifacts.blobs[digest.sha256] = b"false"
    with pytest.raises(DigestMismatch):
        await blobs.read(PROJECT, digest)
    with pytest.raises(DigestMismatch):
        await blobs.read(PROJECT, digest)


@pytest.mark.parametrize(
    "node",
    [
        {"symlinks": [artifact_pb2.SymlinkNode(name="a", target="../outside")]},
        {"symlinks": [artifact_pb2.SymlinkNode(name="a", target="/etc/passwd")]},
        {"symlinks": [artifact_pb2.SymlinkNode(name="a", target="b/../../outside")]},
        {"symlinks": [artifact_pb2.SymlinkNode(name="../a", target="b")]},
        {"directories": [artifact_pb2.DirectoryNode(name="..")]},
        {"files": [artifact_pb2.FileNode(name="a/b")]},
        {"files": [artifact_pb2.FileNode(name="/etc/x")]},
        {"files": [artifact_pb2.FileNode(name="")]},
    ],
)
async def test_a_tree_that_leads_out_of_itself_is_refused(
    tmp_path: Path, artifacts: FakeArtifacts, blobs: BlobCache, node: dict[str, Any]
) -> None:
    empty = artifacts.add(b"")
    for nodes in (node.get("directories", []), node.get("files", [])):
        for entry in nodes:
            entry.digest.CopyFrom(empty)
    root = artifacts.add(artifact_pb2.Directory(**node).SerializeToString())
    (tmp_path / "target").mkdir()
    with pytest.raises(TreeError):
        await materialize(blobs, PROJECT, root, tmp_path / "target")
    assert list((tmp_path / "target").iterdir()) == []


async def test_a_link_and_a_folder_of_one_name_write_nowhere(
    tmp_path: Path, artifacts: FakeArtifacts, blobs: BlobCache
) -> None:
    file = artifact_pb2.FileNode(name="file", digest=artifacts.add(b"x"))
    below = artifacts.add(artifact_pb2.Directory(files=[file]).SerializeToString())
    tree = artifact_pb2.Directory(
        directories=[artifact_pb2.DirectoryNode(name="a", digest=below)],
        symlinks=[artifact_pb2.SymlinkNode(name="a", target="b")],
    )
    (tmp_path / "target").mkdir()
    with pytest.raises((TreeError, OSError)):
        await materialize(blobs, PROJECT, artifacts.add(tree.SerializeToString()), tmp_path / "target")


async def test_matching_files_are_kept_and_named(tmp_path: Path, artifacts: FakeArtifacts) -> None:
    work = tmp_path / "work"
    (work / "reports" / "__pycache__").mkdir(parents=True)
    (work / "reports" / "a.xml").write_text("<a/>")
    (work / "reports" / "__pycache__" / "b.xml").write_text("<b/>")
    (work / ".coverage").write_text("data")
    (work / "out.xml").symlink_to("/etc/passwd")
    (tmp_path / "secret.xml").write_text("secret")
    kept = await outputs.keep(
        artifacts, PROJECT, work, ["**/*.xml", ".coverage", "../*.xml", "/etc/passwd"], tmp_path / "stage"
    )
    assert [file.path for file in kept] == [".coverage", "reports/__pycache__/b.xml", "reports/a.xml"]
    assert [artifacts.blobs[file.digest.sha256] for file in kept] == [b"data", b"<b/>", b"<a/>"]


async def test_too_many_files_are_refused(tmp_path: Path, artifacts: FakeArtifacts) -> None:
    (tmp_path / "work").mkdir()
    for number in range(1001):
        (tmp_path / "work" / str(number)).write_text("")
    with pytest.raises(outputs.TooMuchOutputError):
        await outputs.keep(artifacts, PROJECT, tmp_path / "work", ["*"], tmp_path / "stage")
