"""Versions from Git repositories."""

import dataclasses
import tempfile
from typing import Any

from maestro.templates.v1 import template_service_pb2

from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.idempotency import request_key
from maestro_services.templates import convert
from maestro_services.templates.children.parent import Child, ChildCrashError, ChildLimitError, Children
from maestro_services.templates.creation import Creation, Draft
from maestro_services.templates.domain.files import File
from maestro_services.templates.domain.importing import ImportPolicy
from maestro_services.templates.domain.limits import FetchLimits, TemplateLimits, limit_exceeded
from maestro_services.templates.domain.template import GitSource, TemplateVersion
from maestro_services.templates.manifest.faults import Fault, Place, invalid
from maestro_services.templates.uploading import caller

_MODULE = "maestro_services.templates.children.fetch"


class Fetcher:
    """Reads directories of Git repositories, each in a child of its own."""

    def __init__(self, children: Children, limits: FetchLimits, template_limits: TemplateLimits) -> None:
        self._children = children
        self._limits = limits
        self._template_limits = template_limits

    async def fetch(self, source: GitSource) -> tuple[GitSource, list[File]]:
        """The source with its commit, and the files of its directory."""
        limits = self._limits
        arguments = [str(limits.memory_bytes), str(limits.cpu_seconds), str(limits.repository_bytes)]
        with tempfile.TemporaryDirectory(prefix="maestro-import-") as directory:
            job = dataclasses.asdict(source) | dataclasses.asdict(self._template_limits) | {"directory": directory}
            try:
                async with self._children.start(_MODULE, arguments, limits.wall_seconds) as child:
                    await child.send(job)
                    return await self._receive(child, source)
            except ChildLimitError as error:
                raise limit_exceeded(error.limit, int(getattr(limits, error.limit))) from None
            except ChildCrashError as error:
                raise _unreadable(source, "its objects crash their reader") from error

    async def _receive(self, child: Child, source: GitSource) -> tuple[GitSource, list[File]]:
        files: list[File] = []
        while True:
            header, size = await child.receive()
            _raise_refusal(header, source)
            if "end" in header:
                return source, files
            if "commit" in header:
                source = dataclasses.replace(source, commit=header["commit"])
                continue
            content = b"".join([piece async for piece in child.pieces(size)])
            files.append(File(header["path"], content, header["executable"]))


class Importer:
    """Makes versions for ImportTemplateVersion."""

    def __init__(self, creation: Creation, fetcher: Fetcher, policy: ImportPolicy) -> None:
        self._creation = creation
        self._fetcher = fetcher
        self._policy = policy

    async def create(self, request: template_service_pb2.ImportTemplateVersionRequest) -> TemplateVersion:
        """The version that the repository holds; a repeated request does not fetch again."""
        name = convert.TEMPLATE.parse(request.parent, "parent")
        version = convert.semantic_version(request.version, "version")
        source = convert.git_source(request.git_source)
        self._policy.check(source)
        key = request_key(request)
        known = await self._creation.repeated(**name, key=key)
        if known is not None:
            return known
        source, files = await self._fetcher.fetch(source)
        draft = Draft(
            **name, source=source, version=version, labels=dict(request.labels), creator=caller(), files=files
        )
        if request.validate_only:
            return await self._creation.validate(draft)
        return await self._creation.create(draft, key)


def _raise_refusal(header: dict[str, Any], source: GitSource) -> None:
    if "limit" in header:
        raise limit_exceeded(header["limit"], header["value"])
    if "invalid" in header:
        raise invalid(header["invalid"], [Fault(Place(), "", header["rule"])])
    if "unreadable" in header:
        raise _unreadable(source, header["unreadable"])


def _unreadable(source: GitSource, detail: str) -> ServiceError:
    message = f"{source.url} cannot be read: {detail}"
    return ServiceError(Reason.SOURCE_UNREADABLE, message, source=source.url, detail=detail)
