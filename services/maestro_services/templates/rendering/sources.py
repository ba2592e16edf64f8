"""Which files of a version are rendered, which are copied, and which are left out."""

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from maestro_services.templates.domain.files import File
from maestro_services.templates.domain.template import MANIFEST, Manifest

_PROBE_BYTES = 8192


@dataclass(frozen=True)
class SourceFile:
    """A file of the template, by its path below the template's root.

    `name` is the template of its path in the new project; `verbatim` content is copied, not rendered.
    """

    path: str
    name: str
    file: File
    verbatim: bool


def sources(manifest: Manifest, files: Iterable[File]) -> list[SourceFile]:
    """The files that a rendering makes new files from."""
    prefix = f"{manifest.root}/" if manifest.root else ""
    below = [(file.path.removeprefix(prefix), file) for file in files if file.path.startswith(prefix)]
    return [
        _source(manifest, path, file)
        for path, file in below
        if file.path != MANIFEST and not _matches(path, manifest.exclude)
    ]


def _source(manifest: Manifest, path: str, file: File) -> SourceFile:
    suffixed = path.endswith(manifest.suffix)
    copied = not suffixed or _matches(path, manifest.copy_without_render) or _is_binary(file.content)
    return SourceFile(path, path.removesuffix(manifest.suffix) if suffixed else path, file, copied)


def _matches(path: str, globs: Sequence[str]) -> bool:
    # As in .gitignore: a glob without `/` is about names anywhere, one with `/` about whole paths.
    name = path.rpartition("/")[2]
    return any(fnmatch.fnmatchcase(path if "/" in glob else name, glob) for glob in globs)


def _is_binary(content: bytes) -> bool:
    if b"\0" in content[:_PROBE_BYTES]:
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return True
    return False
