"""New projects: a version rendered and streamed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from maestro.templates.v1 import template_service_pb2

from maestro_services.runtime.errors import draining
from maestro_services.templates import convert
from maestro_services.templates.domain.rendering import Rendering
from maestro_services.templates.rendering.renderer import Renderer
from maestro_services.templates.store.templates import TemplateStore
from maestro_services.templates.transfer import batches

Response = template_service_pb2.RenderTemplateResponse


class Projects:
    """Renders versions for RenderTemplate."""

    def __init__(self, store: TemplateStore, renderer: Renderer, stop: asyncio.Event) -> None:
        self._store = store
        self._renderer = renderer
        self._stop = stop

    async def render(self, request: template_service_pb2.RenderTemplateRequest) -> AsyncIterator[Response]:
        """The files of the project, then the summary; with `validate_only` the summary alone."""
        name = convert.VERSION.parse(request.name)
        version = await self._store.get_version(**name)
        files = await self._store.files_of(version)
        pieces = self._renderer.render(version.manifest, files, convert.values(request.variables))
        async with aclosing(pieces), aclosing(batches(pieces)) as stream:
            async for part in stream:
                if self._stop.is_set():
                    raise draining()
                if isinstance(part, Rendering):
                    yield Response(summary=convert.summary(version, name["project"], part))
                elif not request.validate_only:
                    yield Response(files=part)
