"""TemplateService over store, creation and renderer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
from maestro.templates.v1 import template_service_pb2, template_service_pb2_grpc

from maestro_services.templates import convert
from maestro_services.templates.importing import Importer
from maestro_services.templates.listing import Listing
from maestro_services.templates.projects import Projects
from maestro_services.templates.store.templates import TemplateStore
from maestro_services.templates.uploading import Uploader

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class Templates:
    """What the service does, part by part."""

    store: TemplateStore
    listing: Listing
    uploader: Uploader
    importer: Importer
    projects: Projects


class TemplateServicer(template_service_pb2_grpc.TemplateServiceServicer):
    """Answers TemplateService."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    async def CreateTemplateVersion(  # noqa: N802 (the contract's name)
        self, request_iterator: AsyncIterator[template_service_pb2.CreateTemplateVersionRequest], context: Context
    ) -> template_service_pb2.CreateTemplateVersionResponse:
        """Creates a version from files that are sent."""
        version = await self._templates.uploader.create(request_iterator)
        return template_service_pb2.CreateTemplateVersionResponse(
            template_version=convert.version_message(version, version.project)
        )

    async def ImportTemplateVersion(  # noqa: N802 (the contract's name)
        self, request: template_service_pb2.ImportTemplateVersionRequest, context: Context
    ) -> template_service_pb2.ImportTemplateVersionResponse:
        """Creates a version from a Git repository."""
        version = await self._templates.importer.create(request)
        return template_service_pb2.ImportTemplateVersionResponse(
            template_version=convert.version_message(version, version.project)
        )

    async def GetTemplate(  # noqa: N802 (the contract's name)
        self, request: template_service_pb2.GetTemplateRequest, context: Context
    ) -> template_service_pb2.GetTemplateResponse:
        """Gets a template."""
        name = convert.TEMPLATE.parse(request.name)
        template = await self._templates.store.get_template(**name)
        return template_service_pb2.GetTemplateResponse(template=convert.template_message(template, name["project"]))

    async def ListTemplates(  # noqa: N802 (the contract's name)
        self, request: template_service_pb2.ListTemplatesRequest, context: Context
    ) -> template_service_pb2.ListTemplatesResponse:
        """Lists templates."""
        return await self._templates.listing.templates(request)

    async def GetTemplateVersion(  # noqa: N802 (the contract's name)
        self, request: template_service_pb2.GetTemplateVersionRequest, context: Context
    ) -> template_service_pb2.GetTemplateVersionResponse:
        """Gets a version."""
        name = convert.VERSION.parse(request.name)
        version = await self._templates.store.get_version(**name)
        message = convert.version_message(version, name["project"])
        return template_service_pb2.GetTemplateVersionResponse(template_version=message)

    async def ListTemplateVersions(  # noqa: N802 (the contract's name)
        self, request: template_service_pb2.ListTemplateVersionsRequest, context: Context
    ) -> template_service_pb2.ListTemplateVersionsResponse:
        """Lists versions."""
        return await self._templates.listing.versions(request)

    async def SearchTemplates(  # noqa: N802 (the contract's name)
        self, request: template_service_pb2.SearchTemplatesRequest, context: Context
    ) -> template_service_pb2.SearchTemplatesResponse:
        """Finds templates."""
        return await self._templates.listing.search(request)

    async def RenderTemplate(  # noqa: N802 (the contract's name)
        self, request: template_service_pb2.RenderTemplateRequest, context: Context
    ) -> AsyncIterator[template_service_pb2.RenderTemplateResponse]:
        """Streams a new project."""
        async for response in self._templates.projects.render(request):
            yield response
