"""Importing from Git repositories, honest and hostile ones."""

import os
import stat
import uuid
from pathlib import Path
from typing import Any

import pytest
from dulwich import porcelain
from dulwich.objects import Blob, Tree
from dulwich.repo import Repo
from maestro.templates.v1 import template_pb2, template_service_pb2
from maestro_client.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    PermissionDenied,
    ResourceExhausted,
)

from .conftest import MANIFEST, PARENT

AUTHOR = b"Ada <ada@example.com>"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a template in a directory, a tag on its first commit, and a second version at its head."""
    root = tmp_path / "repository"
    root.mkdir()
    with porcelain.init(str(root)) as repo:
        commit(repo, MANIFEST, b"first")
        porcelain.tag_create(repo, b"v1", author=AUTHOR, message=b"one", annotated=True, sign=False)
        commit(repo, MANIFEST.replace("1.0.0", "2.0.0"), b"second")
    return root


def commit(repo: Repo, manifest: str, message: bytes) -> None:
    folder = Path(repo.path) / "templates" / "greeting"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "maestro-template.yaml").write_text(manifest)
    (folder / "{{ name }}.txt").write_text("Hello {{ name }}\n")
    (Path(repo.path) / "secret.txt").write_text("not of the template")
    porcelain.add(
        repo, [str(path) for path in Path(repo.path).rglob("*") if path.is_file() and ".git" not in path.parts]
    )
    porcelain.commit(repo, message=message, author=AUTHOR, committer=AUTHOR, sign=False)


def commit_tree(root: Path, entries: list[tuple[bytes, int, bytes]]) -> None:
    """A commit on the head whose template has these entries beside the manifest, whatever they are."""
    with Repo(str(root)) as repo:
        tree = Tree()
        for name, mode, content in [(b"maestro-template.yaml", 0o100644, MANIFEST.encode()), *entries]:
            blob = Blob.from_string(content)
            repo.object_store.add_object(blob)
            tree.add(name, mode, blob.id)
        repo.object_store.add_object(tree)
        repo.get_worktree().commit(message=b"x", tree=tree.id, author=AUTHOR, committer=AUTHOR, sign=False)


async def fetch(templates: Any, url: Path | str, who: str = "admin", **arguments: Any) -> template_pb2.TemplateVersion:
    source = {"path": "templates/greeting", "revision": ""} | arguments.pop("source", {})
    git_source = template_pb2.GitSource(url=url.as_uri() if isinstance(url, Path) else url, **source)
    request = template_service_pb2.ImportTemplateVersionRequest(parent=PARENT, git_source=git_source, **arguments)
    return (await templates.as_(who).import_template_version(request)).template_version


async def test_a_directory_is_imported_at_the_head(templates: Any, repository: Path) -> None:
    version = await fetch(templates, repository, who="maintainer", labels={"from": "git"})
    assert version.name == f"{PARENT}/versions/2.0.0"
    with Repo(str(repository)) as repo:
        assert version.source.git.commit == repo.head().decode()
    assert version.source.git.path == "templates/greeting"
    assert (version.file_count, version.labels["from"]) == (2, "git")
    assert (await templates.render()).files == {"world.txt": b"Hello world\n"}


async def test_a_tag_a_branch_or_a_commit_names_the_revision(templates: Any, repository: Path) -> None:
    with Repo(str(repository)) as repo:
        branch = repo.refs.follow(b"HEAD")[0][-1].removeprefix(b"refs/heads/").decode()
        head = repo.head().decode()
    first = await fetch(templates, repository, source={"revision": "v1"})
    assert first.name == f"{PARENT}/versions/1.0.0"
    for revision in (branch, head):
        found = await fetch(templates, repository, source={"revision": revision}, validate_only=True)
        assert found.source.git.commit == head


async def test_a_repeated_request_does_not_fetch_again(templates: Any, repository: Path) -> None:
    request_id = str(uuid.uuid4())
    created = await fetch(templates, repository, request_id=request_id)
    os.rename(repository, repository.with_name("gone"))  # noqa: PTH104 - a rename does not block for long
    assert await fetch(templates, repository, request_id=request_id) == created
    with pytest.raises(AlreadyExists) as refused:
        await fetch(templates, repository, request_id=request_id, source={"revision": "v1"})
    assert refused.value.reason == "REQUEST_ID_REUSED"


async def test_an_imported_version_never_changes(templates: Any, repository: Path) -> None:
    await fetch(templates, repository)
    with pytest.raises(AlreadyExists) as refused:
        await fetch(templates, repository)
    assert refused.value.reason == "RESOURCE_EXISTS"


@pytest.mark.parametrize(
    "source",
    [{"revision": "nope"}, {"revision": "0" * 40}, {"path": "nowhere"}, {"path": "secret.txt"}],
)
async def test_what_is_not_there_cannot_be_read(templates: Any, repository: Path, source: Any) -> None:
    with pytest.raises(FailedPrecondition) as refused:
        await fetch(templates, repository, source=source)
    assert refused.value.reason == "SOURCE_UNREADABLE"
    assert refused.value.metadata["source"] == repository.as_uri()
    assert refused.value.metadata["detail"]


async def test_a_directory_that_is_no_repository_cannot_be_read(templates: Any, tmp_path: Path) -> None:
    with pytest.raises(FailedPrecondition) as refused:
        await fetch(templates, tmp_path)
    assert refused.value.reason == "SOURCE_UNREADABLE"


async def test_other_urls_are_refused(templates: Any) -> None:
    for url in (
        "http://example.com/x.git",
        "ssh://git@example.com/x.git",
        "git://example.com/x",
        "ext::sh -c touch% /tmp/x",
        "/etc",
        "https://user:password@example.com/x",
        "https://example.com/x?y",
        "https:///x",
        "file://host/share",
        "--upload-pack=touch /tmp/x",
        "https://example.com/\nx",
    ):
        with pytest.raises(InvalidArgument) as refused:
            await fetch(templates, url)
        assert (refused.value.reason, refused.value.metadata["field"]) == ("FIELD_INVALID", "git_source.url")


@pytest.mark.parametrize("source", [{"path": "../.."}, {"path": "a/.git"}, {"revision": "--exec=x"}])
async def test_other_paths_and_revisions_are_refused(templates: Any, repository: Path, source: Any) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await fetch(templates, repository, source=source)
    assert refused.value.reason == "FIELD_INVALID"


async def test_the_settings_say_where_templates_may_come_from(
    serve: Any, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAESTRO_TEMPLATES_ALLOW_FILE_URLS", "false")
    monkeypatch.setenv("MAESTRO_TEMPLATES_ALLOWED_HOSTS", "git.example.com")
    async with serve() as templates:
        for url in (repository, "https://example.com/x.git"):
            with pytest.raises(InvalidArgument) as refused:
                await fetch(templates, url)
            assert refused.value.reason == "FIELD_INVALID"


@pytest.mark.parametrize("name", [b"link", b"sub"])
async def test_links_and_submodules_are_refused(templates: Any, repository: Path, name: bytes) -> None:
    mode = stat.S_IFLNK if name == b"link" else 0o160000
    commit_tree(repository, [(name, mode, b"/etc/passwd")])
    with pytest.raises(InvalidArgument) as refused:
        await fetch(templates, repository, source={"path": ""})
    assert (refused.value.reason, refused.value.metadata["file"]) == ("TEMPLATE_INVALID", name.decode())


@pytest.mark.parametrize("name", [b"..", b".git", b"a\\b", b".GIT", b"x/../../y", b"\xff\xfe", b"a\nb"])
async def test_a_hostile_name_is_refused(templates: Any, repository: Path, name: bytes) -> None:
    commit_tree(repository, [(name, 0o100644, b"x")])
    with pytest.raises(InvalidArgument) as refused:
        await fetch(templates, repository, source={"path": ""})
    assert refused.value.reason == "TEMPLATE_INVALID"


async def test_a_tree_that_unfolds_without_end_is_refused(templates: Any, repository: Path) -> None:
    with Repo(str(repository)) as repo:
        blob = Blob.from_string(b"x")
        repo.object_store.add_object(blob)
        tree = Tree()
        tree.add(b"file", 0o100644, blob.id)
        for _ in range(20):
            repo.object_store.add_object(tree)
            parent = Tree()
            for number in range(10):
                parent.add(b"%d" % number, 0o040000, tree.id)
            tree = parent
        repo.object_store.add_object(tree)
        repo.get_worktree().commit(message=b"bomb", tree=tree.id, author=AUTHOR, committer=AUTHOR, sign=False)
    with pytest.raises(ResourceExhausted) as refused:
        await fetch(templates, repository, source={"path": ""})
    assert (refused.value.reason, refused.value.metadata["limit"]) == ("LIMIT_EXCEEDED", "files")


async def test_a_blob_that_inflates_is_refused(templates: Any, repository: Path) -> None:
    commit_tree(repository, [(b"zeros", 0o100644, bytes(40 << 20))])
    with pytest.raises(ResourceExhausted) as refused:
        await fetch(templates, repository, source={"path": ""})
    assert (refused.value.reason, refused.value.metadata["limit"]) == ("LIMIT_EXCEEDED", "size_bytes")


async def test_a_fetch_has_a_wall_limit(serve: Any, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_TEMPLATES_FETCH_WALL_SECONDS", "0.01")
    async with serve() as templates:
        with pytest.raises(ResourceExhausted) as refused:
            await fetch(templates, repository)
        assert (refused.value.reason, refused.value.metadata["limit"]) == ("LIMIT_EXCEEDED", "wall_seconds")


@pytest.mark.parametrize("who", ["developer", "stranger"])
async def test_only_maintainers_import(templates: Any, repository: Path, who: str) -> None:
    with pytest.raises(PermissionDenied) as refused:
        await fetch(templates, repository, who=who)
    assert refused.value.reason == "PERMISSION_DENIED"
