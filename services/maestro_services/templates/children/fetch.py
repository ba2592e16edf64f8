"""The process that fetches one directory of a Git repository at a revision, without history and without checkout.

In comes a job; out go the commit and the directory's files, or one frame that says what failed. Objects are read from
the repository as they are, so nothing in it is ever written as a file, a link or a hook.
"""

import stat
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from dulwich.client import Urllib3HttpGitClient
from dulwich.objects import Blob, Commit, ObjectID, Tag, Tree
from dulwich.refs import Ref
from dulwich.repo import BaseRepo, Repo

from maestro_services.templates.children.frames import Header, RefusalError, limit, read_frame, write_frame

_MAX_DEPTH = 64
_MAX_ENTRIES = 20_000
_OPEN_FILES = 64


class _Direct(urllib3.PoolManager):
    """Follows no redirects: a host that may be asked must not name another one to ask."""

    def urlopen(  # type: ignore[override] # the base's own signature differs from its base's too
        self, method: str, url: str, redirect: bool = True, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        return super().urlopen(method, url, redirect=False, **options)


def unreadable(detail: str) -> RefusalError:
    """The repository, revision or directory cannot be read."""
    return RefusalError({"unreadable": detail})


def invalid(path: str, rule: str) -> RefusalError:
    """The directory holds what a template cannot."""
    return RefusalError({"invalid": path, "rule": rule})


def candidates(revision: str) -> list[bytes]:
    """The references that a revision may stand for, in the order in which Git tries them."""
    name = revision.encode()
    return [name, b"refs/" + name, b"refs/tags/" + name, b"refs/heads/" + name] if name else [b"HEAD"]


def chosen(refs: Mapping[Ref, ObjectID], revision: str) -> ObjectID:
    """The object that a revision stands for."""
    for name in candidates(revision):
        if Ref(name) in refs:
            return refs[Ref(name)]
    if len(revision) == 40 and not set(revision) - set("0123456789abcdef"):
        return ObjectID(revision.encode())
    raise unreadable(f"there is no revision {revision!r}")


def fetch(job: Header) -> tuple[BaseRepo, ObjectID]:
    """A repository that has the revision's objects, and the object that the revision stands for."""
    url = urlsplit(job["url"])
    if url.scheme == "file":
        repository = Repo(unquote(url.path))
        return repository, chosen(repository.get_refs(), job["revision"])
    base = f"{url.scheme}://{url.netloc}"
    client = Urllib3HttpGitClient(base, pool_manager=_Direct(timeout=20.0, retries=False))
    refs = {name: value for name, value in client.get_refs(url.path.encode()).refs.items() if value is not None}
    wanted = chosen(refs, job["revision"])
    target = Repo.init_bare(job["directory"])
    client.fetch(url.path.encode(), target, determine_wants=lambda *_refs, **_depth: [wanted], depth=1)
    return target, wanted


def commit_of(repository: BaseRepo, wanted: ObjectID) -> Commit:
    """The commit behind an object id, through tags of tags."""
    found = repository[wanted]
    for _ in range(10):
        if isinstance(found, Tag):
            found = repository[found.object[1]]
    if not isinstance(found, Commit):
        raise unreadable("the revision is not a commit")
    return found


def directory(repository: BaseRepo, commit: Commit, path: str) -> Tree:
    """The tree of a directory in a commit."""
    tree = repository[commit.tree]
    for part in filter(None, path.split("/")):
        if not isinstance(tree, Tree) or part.encode() not in tree:
            raise unreadable(f"there is no directory {path!r} at the revision")
        tree = repository[tree[part.encode()][1]]
    if not isinstance(tree, Tree):
        raise unreadable(f"{path!r} is not a directory")
    return tree


class Walk:
    """The files below a tree, refused as soon as they are more than a template may have."""

    def __init__(self, repository: BaseRepo, files: int, size_bytes: int) -> None:
        self._repository = repository
        self._left = {"files": files, "size_bytes": size_bytes}
        self._limits = {"files": files, "size_bytes": size_bytes}
        self._entries = _MAX_ENTRIES

    def files(self, tree: Tree, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, bool, bytes]]:
        """Path, mode and content of each file."""
        if depth > _MAX_DEPTH:
            raise invalid(prefix, f"directories nest at most {_MAX_DEPTH} deep")
        for entry in tree.items():
            self._entries -= 1
            path = f"{prefix}{entry.path.decode(errors='backslashreplace')}"
            if self._entries < 0:
                raise RefusalError({"limit": "files", "value": self._limits["files"]})
            if stat.S_ISDIR(entry.mode):
                yield from self.files(self._tree(entry.sha), f"{path}/", depth + 1)
            elif stat.S_ISREG(entry.mode):
                yield path, bool(entry.mode & 0o100), self._content(entry.sha)
            else:
                raise invalid(path, "a template has no links and no submodules")

    def _tree(self, sha: ObjectID) -> Tree:
        found = self._repository[sha]
        if not isinstance(found, Tree):
            raise unreadable("a tree of the revision is damaged")
        return found

    def _content(self, sha: ObjectID) -> bytes:
        found = self._repository[sha]
        if not isinstance(found, Blob):
            raise unreadable("a file of the revision is damaged")
        content = found.as_raw_string()
        self._spend("files", 1)
        self._spend("size_bytes", len(content))
        return content

    def _spend(self, name: str, amount: int) -> None:
        self._left[name] -= amount
        if self._left[name] < 0:
            raise RefusalError({"limit": name, "value": self._limits[name]})


def run(job: Header) -> None:
    """Sends the commit and the files."""
    repository, wanted = fetch(job)
    commit = commit_of(repository, wanted)
    tree = directory(repository, commit, job["path"])
    write_frame({"commit": commit.id.decode()})
    for path, executable, content in Walk(repository, job["files"], job["size_bytes"]).files(tree):
        write_frame({"path": path, "executable": executable}, content)
    write_frame({"end": True})


def main() -> None:
    """Serves one job."""
    memory_bytes, cpu_seconds, file_bytes = map(int, sys.argv[1:4])
    limit(memory_bytes, cpu_seconds, file_bytes=file_bytes, open_files=_OPEN_FILES)
    try:
        run(read_frame()[0])
    except RefusalError as refusal:
        write_frame(refusal.header)
    except MemoryError:
        write_frame({"limit": "memory_bytes", "value": memory_bytes})
    except Exception as error:  # noqa: BLE001 - whatever a repository or its host does wrong is told, not raised
        write_frame({"unreadable": f"{type(error).__name__}: {error}"[:300]})
