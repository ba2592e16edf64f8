"""Makes versions: checks everything about them, then stores them at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from maestro_services.runtime.clock import Clock
from maestro_services.runtime.context import name_resource
from maestro_services.runtime.database import Transaction
from maestro_services.runtime.idempotency import RequestKey, remember, replay
from maestro_services.runtime.ids import new_uid
from maestro_services.templates.domain.files import File, tree_hash
from maestro_services.templates.domain.limits import TemplateLimits, limit_exceeded
from maestro_services.templates.domain.paths import collision, path_fault
from maestro_services.templates.domain.semver import SemanticVersion
from maestro_services.templates.domain.template import MANIFEST, Creator, Source, TemplateVersion
from maestro_services.templates.manifest.faults import Fault, Place, invalid
from maestro_services.templates.manifest.manifest import parse_manifest
from maestro_services.templates.rendering.renderer import Renderer
from maestro_services.templates.store.templates import TemplateStore


@dataclass(frozen=True)
class Draft:
    """A version as it is asked for. `version` is None if its manifest decides."""

    project: str
    template: str
    source: Source
    files: Sequence[File]
    creator: Creator
    version: SemanticVersion | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


class Creation:
    """Checks drafts and makes versions of them."""

    def __init__(self, store: TemplateStore, renderer: Renderer, limits: TemplateLimits, clock: Clock) -> None:
        self._store = store
        self._renderer = renderer
        self._limits = limits
        self._clock = clock

    async def repeated(self, project: str, template: str, key: RequestKey | None) -> TemplateVersion | None:
        """The version that was created under this key before."""
        if key is None:
            return None
        # A transaction that is only read: the record of the call belongs to the one that decides it.
        async with self._store.database.read() as connection:
            known = await replay(Transaction(connection, self._clock), key)
        return await self._store.get_version(project, template, known.decode()) if known else None

    async def check(self, draft: Draft) -> TemplateVersion:
        """The version that the draft would become; every fault of the draft is refused."""
        files = sorted(draft.files, key=lambda file: file.path)
        check_files(files, self._limits)
        content = next(file.content for file in files if file.path == MANIFEST)
        manifest = parse_manifest(content, draft.version)
        await self._renderer.check(manifest, files)
        tree = tree_hash(files)
        return TemplateVersion(
            project=draft.project,
            template=draft.template,
            uid=new_uid(),
            manifest=manifest,
            source=draft.source,
            digest=tree.digest(),
            file_count=tree.file_count,
            size_bytes=tree.size_bytes,
            creator=draft.creator,
            create_time=self._clock(),
            labels=draft.labels,
        )

    async def validate(self, draft: Draft) -> TemplateVersion:
        """The version that `create` would store; it refuses what `create` would refuse, and stores nothing."""
        version = await self.check(draft)
        await self._store.refuse_existing(version)
        return version

    async def create(self, draft: Draft, key: RequestKey | None = None) -> TemplateVersion:
        """Stores the version; with a key that was used before, answers what was created then."""
        version = await self.check(draft)
        async with self._store.database.write() as transaction:
            known = await replay(transaction, key)
            if known is None:
                name_resource(
                    f"projects/{draft.project}/templates/{draft.template}/versions/{version.manifest.version}"
                )
                await self._store.insert(transaction, version, draft.files)
                await remember(transaction, key, str(version.manifest.version).encode(), self._clock)
        if known is None:
            return version
        return await self._store.get_version(draft.project, draft.template, known.decode())


def check_files(files: Sequence[File], limits: TemplateLimits) -> None:
    """Refuses files that are too many, too large, unsafely named, or without manifest."""
    if len(files) > limits.files:
        raise limit_exceeded("files", limits.files)
    if sum(len(file.content) for file in files) > limits.size_bytes:
        raise limit_exceeded("size_bytes", limits.size_bytes)
    for file in files:
        if fault := path_fault(file.path):
            raise invalid(file.path, [Fault(Place(), "", fault)])
    if names := collision(file.path for file in files):
        raise invalid(names[1], [Fault(Place(), "", f"the path collides with {names[0]!r}")])
    if all(file.path != MANIFEST for file in files):
        raise invalid(MANIFEST, [Fault(Place(), "", "the file is missing")])
