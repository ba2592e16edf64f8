from pathlib import Path

import pytest
from maestro.automation.v1 import patch_pb2
from maestro_cli.failures import Failure
from maestro_cli.patches import Replacement, pending, replace_all
from maestro_client.tree import digest_of

OLD, NEW = b"old\n", b"new\n"


def patch(*paths: str) -> patch_pb2.Patch:
    files = [patch_pb2.PatchedFile(path=path, base_digest=digest_of(OLD), new_digest=digest_of(NEW)) for path in paths]
    return patch_pb2.Patch(files=files)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    for name in ("a.py", "b.py"):
        (root / name).write_bytes(OLD)
    return root


def test_only_what_is_not_yet_so_is_pending(project: Path) -> None:
    (project / "b.py").write_bytes(NEW)
    assert [file.path for file in pending(project, patch("a.py", "b.py"))] == ["a.py"]


def test_a_users_own_change_is_never_overwritten(project: Path) -> None:
    (project / "a.py").write_bytes(b"mine\n")
    with pytest.raises(Failure, match=r"a\.py is not what the patch was made for"):
        pending(project, patch("a.py"))


def test_another_folder_is_told_from_the_project(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="does not exist"):
        pending(tmp_path, patch("a.py"))


@pytest.mark.parametrize("path", ["../outside.py", "/etc/passwd"])
def test_a_path_that_leads_out_is_refused(project: Path, path: str) -> None:
    (project.parent / "outside.py").write_bytes(OLD)
    with pytest.raises(Failure, match="leads out"):
        pending(project, patch(path))


def test_a_link_is_not_written_through(project: Path) -> None:
    (project.parent / "outside.py").write_bytes(OLD)
    (project / "link.py").symlink_to("../outside.py")
    (project / "sub").symlink_to("..")
    for path in ("link.py", "sub/outside.py"):
        with pytest.raises(Failure, match="leads out"):
            pending(project, patch(path))


def test_files_are_replaced_with_their_mode_kept(project: Path) -> None:
    target = project / "a.py"
    target.chmod(0o751)
    replace_all([Replacement(target, NEW)], {target: digest_of(OLD)})
    assert target.read_bytes() == NEW
    assert target.stat().st_mode & 0o777 == 0o751
    assert {path.name for path in project.iterdir()} == {"a.py", "b.py"}


def test_all_files_are_replaced_or_none(project: Path) -> None:
    first, second = project / "a.py", project / "b.py"
    second.write_bytes(b"changed meanwhile\n")
    bases = {first: digest_of(OLD), second: digest_of(OLD)}
    with pytest.raises(Failure, match="changed while the patch was applied"):
        replace_all([Replacement(first, NEW), Replacement(second, NEW)], bases)
    assert first.read_bytes() == OLD
    assert second.read_bytes() == b"changed meanwhile\n"
    assert {path.name for path in project.iterdir()} == {"a.py", "b.py"}
