"""The templates that come with the package, and their place in the database."""

from pathlib import Path

import structlog

from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.templates.creation import Creation, Draft
from maestro_services.templates.domain.files import File, tree_hash
from maestro_services.templates.domain.template import BUILT_IN_PROJECT, MANIFEST, BuiltIn, Creator
from maestro_services.templates.manifest.manifest import parse_manifest
from maestro_services.templates.store.templates import TemplateStore

_LOG = structlog.get_logger()
_FOLDER = Path(__file__).parent / "builtin"
_CREATOR = Creator(kind=2, subject="maestro", display_name="MAESTRO")


def built_in_files(template: str) -> list[File]:
    """The files of a built-in template."""
    root = _FOLDER / template
    paths = sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return [File(path.relative_to(root).as_posix(), path.read_bytes()) for path in paths]


async def install(creation: Creation, store: TemplateStore) -> None:
    """Adds the built-in versions that this database does not have. Those it has are kept: versions never change."""
    for folder in sorted(_FOLDER.iterdir()):
        files = built_in_files(folder.name)
        manifest = parse_manifest(next(file.content for file in files if file.path == MANIFEST))
        try:
            stored = await store.get_version(BUILT_IN_PROJECT, folder.name, str(manifest.version))
        except ServiceError as missing:
            if missing.reason is not Reason.RESOURCE_NOT_FOUND:
                raise
            await _add(creation, Draft(BUILT_IN_PROJECT, folder.name, BuiltIn(), files, _CREATOR))
        else:
            if stored.digest != tree_hash(files).digest():
                _LOG.warning("built-in template changed without a new version", template=folder.name)


async def _add(creation: Creation, draft: Draft) -> None:
    try:
        await creation.create(draft)
    except ServiceError as error:
        # Another replica was faster.
        if error.reason is not Reason.RESOURCE_EXISTS:
            raise
