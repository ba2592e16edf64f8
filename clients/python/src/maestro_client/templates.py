# ruff: noqa: ASYNC109 -- the time limit travels to the server, which a local one does not
"""Templates and their rendering: the templates service."""

from collections.abc import AsyncIterable, AsyncIterator

import grpc.aio
from maestro.templates.v1 import template_service_pb2
from maestro.templates.v1.template_service_pb2_grpc import TemplateServiceStub

from ._calls import Calls

__all__ = ["TemplateClient"]


class TemplateClient:
    """Owns templates: keeps their versions, finds them, and renders new projects from them."""

    def __init__(self, calls: Calls, channel: grpc.aio.Channel) -> None:
        self._calls = calls
        self._stub = TemplateServiceStub(channel)

    async def create_template_version(
        self,
        requests: AsyncIterable[template_service_pb2.CreateTemplateVersionRequest],
        *,
        timeout: float | None = None,
    ) -> template_service_pb2.CreateTemplateVersionResponse:
        """Create a version of a template from files that the client sends."""
        return await self._calls.upload(self._stub.CreateTemplateVersion, requests, timeout)

    async def import_template_version(
        self, request: template_service_pb2.ImportTemplateVersionRequest, *, timeout: float | None = None
    ) -> template_service_pb2.ImportTemplateVersionResponse:
        """Create a version of a template from a directory of a Git repository."""
        return await self._calls.unary(self._stub.ImportTemplateVersion, request, timeout)

    async def get_template(
        self, request: template_service_pb2.GetTemplateRequest, *, timeout: float | None = None
    ) -> template_service_pb2.GetTemplateResponse:
        """Get a template."""
        return await self._calls.unary(self._stub.GetTemplate, request, timeout)

    async def list_templates(
        self, request: template_service_pb2.ListTemplatesRequest, *, timeout: float | None = None
    ) -> template_service_pb2.ListTemplatesResponse:
        """List the templates of a project and the built-in ones, by id."""
        return await self._calls.unary(self._stub.ListTemplates, request, timeout)

    async def get_template_version(
        self, request: template_service_pb2.GetTemplateVersionRequest, *, timeout: float | None = None
    ) -> template_service_pb2.GetTemplateVersionResponse:
        """Get a version of a template, with its variables."""
        return await self._calls.unary(self._stub.GetTemplateVersion, request, timeout)

    async def list_template_versions(
        self, request: template_service_pb2.ListTemplateVersionsRequest, *, timeout: float | None = None
    ) -> template_service_pb2.ListTemplateVersionsResponse:
        """List the versions of a template, highest first."""
        return await self._calls.unary(self._stub.ListTemplateVersions, request, timeout)

    async def search_templates(
        self, request: template_service_pb2.SearchTemplatesRequest, *, timeout: float | None = None
    ) -> template_service_pb2.SearchTemplatesResponse:
        """Find templates by words, best first."""
        return await self._calls.unary(self._stub.SearchTemplates, request, timeout)

    def render_template(
        self, request: template_service_pb2.RenderTemplateRequest, *, timeout: float | None = None
    ) -> AsyncIterator[template_service_pb2.RenderTemplateResponse]:
        """Render a version with values for its variables, and stream the files of the new project."""
        return self._calls.stream(self._stub.RenderTemplate, request, timeout)
