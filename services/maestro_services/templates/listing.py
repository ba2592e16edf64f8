"""Pages of lists: filters, sealed positions, sizes."""

from datetime import datetime

from maestro.templates.v1 import template_pb2, template_service_pb2
from sqlalchemy import ColumnElement

from maestro_services.runtime.errors import Reason
from maestro_services.runtime.filters import compile_filter, ordered, text_field
from maestro_services.runtime.names import PROJECT
from maestro_services.runtime.pages import page_size
from maestro_services.runtime.tokens import OpaqueTokens
from maestro_services.templates import convert
from maestro_services.templates.domain.template import BUILT_IN_PROJECT
from maestro_services.templates.store.rows import microseconds
from maestro_services.templates.store.templates import TemplateStore
from maestro_services.templates.tables import templates

_WORDS = {"true": True, "false": False}


class Listing:
    """Answers List and Search requests page by page."""

    def __init__(self, store: TemplateStore, tokens: OpaqueTokens) -> None:
        self._store = store
        self._tokens = tokens

    async def templates(
        self, request: template_service_pb2.ListTemplatesRequest
    ) -> template_service_pb2.ListTemplatesResponse:
        """A page of templates."""
        project = PROJECT.parse(request.parent, "parent")["project"]
        size = page_size(request.page_size, 50, 500)
        scope = f"ListTemplates {request.parent} {request.filter}"
        condition = compile_filter(request.filter, _FIELDS)
        found = await self._store.list_templates(
            project, condition, self._position(scope, request.page_token), size + 1
        )
        last = found[:size][-1:]
        token = self._tokens.seal(scope, last[0].template, last[0].project) if len(found) > size else ""
        messages = [convert.template_message(one, project) for one in found[:size]]
        return template_service_pb2.ListTemplatesResponse(templates=messages, next_page_token=token)

    async def versions(
        self, request: template_service_pb2.ListTemplateVersionsRequest
    ) -> template_service_pb2.ListTemplateVersionsResponse:
        """A page of versions."""
        parent = convert.TEMPLATE.parse(request.parent, "parent")
        template = await self._store.get_template(**parent)
        size = page_size(request.page_size, 50, 500)
        scope = f"ListTemplateVersions {request.parent}"
        position = self._position(scope, request.page_token)
        found = await self._store.list_versions(template, str(position[0]) if position else "", size + 1)
        token = self._tokens.seal(scope, found[size - 1].manifest.version.sort_key) if len(found) > size else ""
        messages: list[template_pb2.TemplateVersion]
        messages = [convert.version_message(one, parent["project"]) for one in found[:size]]
        return template_service_pb2.ListTemplateVersionsResponse(template_versions=messages, next_page_token=token)

    async def search(
        self, request: template_service_pb2.SearchTemplatesRequest
    ) -> template_service_pb2.SearchTemplatesResponse:
        """A page of what was found."""
        project = PROJECT.parse(request.parent, "parent")["project"]
        size = page_size(request.page_size, 20, 100)
        scope = f"SearchTemplates {request.parent} {request.query}"
        position = self._position(scope, request.page_token)
        offset = int(position[0]) if position else 0
        found = await self._store.search(project, request.query, offset, size + 1)
        token = self._tokens.seal(scope, offset + size) if len(found) > size else ""
        results = [
            template_service_pb2.SearchResult(template=convert.template_message(one.template, project), score=one.score)
            for one in found[:size]
        ]
        return template_service_pb2.SearchTemplatesResponse(results=results, next_page_token=token)

    def _position(self, scope: str, token: str) -> list[str | int]:
        return self._tokens.open(scope, token, Reason.PAGE_TOKEN_INVALID) if token else []


def _built_in(word: str) -> bool:
    if word not in _WORDS:
        raise ValueError(f"must be true or false, not {word!r}")
    return _WORDS[word]


def _time(text: str) -> int:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("must be an RFC 3339 time with its offset, such as 2026-01-31T00:00:00Z")
    return microseconds(time)


_IS_BUILT_IN: ColumnElement[bool] = templates.c.project == BUILT_IN_PROJECT
_FIELDS = {
    "display_name": text_field(templates.c.display_name),
    "built_in": ordered(_IS_BUILT_IN, _built_in, "="),
    "create_time": ordered(templates.c.create_time, _time, "<", "<=", ">", ">="),
    "update_time": ordered(templates.c.update_time, _time, "<", "<=", ">", ">="),
}
