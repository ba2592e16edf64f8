"""A served templates service, and clients for each kind of caller."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from maestro.templates.v1 import template_pb2, template_service_pb2
from maestro_client import Maestro
from maestro_client.templates import TemplateClient
from maestro_services.runtime.principal import Grant, Kind, Principal, Role
from maestro_services.runtime.server import Running
from maestro_services.runtime.service import Platform, Service
from maestro_services.templates.compose import compose

PARENT = "projects/demo/templates/greeting"
MANIFEST = """\
display_name: Greeting
version: 1.0.0
description: Says hello to somebody.
keywords: [hello, example]
variables:
  name: {default: world, pattern: '[A-Za-z ]*', max: 40}
  times: {type: integer, default: 1, min: 1, max: 5}
"""
FILES = {
    "maestro-template.yaml": MANIFEST,
    "{{ name | lower }}.txt": "{% for _ in range(times) %}Hello {{ name }}!\n{% endfor %}",
    "logo.png": b"\x89PNG\x00{{ not a template }}",
}

PRINCIPALS = {
    "developer": Principal(Kind.USER, "dora", "Dora", (Grant("demo", Role.DEVELOPER),)),
    "maintainer": Principal(Kind.USER, "mia", "Mia", (Grant("demo", Role.MAINTAINER),)),
    "viewer": Principal(Kind.USER, "vera", "", (Grant("demo", Role.VIEWER),)),
    "stranger": Principal(Kind.USER, "sam", "", (Grant("other", Role.ADMIN),)),
}


class Principals:
    async def authenticate(self, token: str) -> Principal | None:
        return PRINCIPALS.get(token)


async def compose_principals(platform: Platform) -> Service:
    return Service("principals", [], authenticator=Principals())


async def upload(
    files: Mapping[str, str | bytes], **hello: Any
) -> AsyncIterator[template_service_pb2.CreateTemplateVersionRequest]:
    """The messages of an upload: hello, then one file a message."""
    told = template_service_pb2.CreateTemplateVersionHello(**{"parent": PARENT} | hello)
    yield template_service_pb2.CreateTemplateVersionRequest(hello=told)
    for path, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        pieces = [data[start : start + (1 << 20)] for start in range(0, len(data), 1 << 20)] or [b""]
        for index, piece in enumerate(pieces):
            chunk = template_pb2.FileChunk(path="" if index else path, data=piece)
            yield template_service_pb2.CreateTemplateVersionRequest(files=template_pb2.FileBatch(chunks=[chunk]))


@dataclass
class Project:
    """A rendered project."""

    files: dict[str, bytes] = field(default_factory=dict)
    executable: set[str] = field(default_factory=set)
    summary: template_service_pb2.RenderSummary | None = None


@dataclass
class Templates:
    """A served templates service."""

    running: Running
    clients: dict[str, Maestro] = field(default_factory=dict)

    def as_(self, who: str) -> TemplateClient:
        if who not in self.clients:
            token = self.running.token if who == "admin" else who
            self.clients[who] = Maestro(self.running.address, token=token)
        return self.clients[who].templates

    @property
    def client(self) -> TemplateClient:
        return self.as_("admin")

    async def create(
        self, files: Mapping[str, str | bytes] = FILES, *, who: str = "admin", **hello: Any
    ) -> template_pb2.TemplateVersion:
        return (await self.as_(who).create_template_version(upload(files, **hello))).template_version

    async def create_text(self, text: str, manifest: str = MANIFEST, **hello: Any) -> template_pb2.TemplateVersion:
        """A template of one file with this text."""
        return await self.create({"maestro-template.yaml": manifest, "file.txt": text}, **hello)

    async def render(
        self,
        name: str = f"{PARENT}/versions/latest",
        /,
        *,
        who: str = "admin",
        validate_only: bool = False,
        **given: Any,
    ) -> Project:
        variables = {key: value_message(one) for key, one in given.items()}
        request = template_service_pb2.RenderTemplateRequest(
            name=name, variables=variables, validate_only=validate_only
        )
        project, last = Project(), ""
        async for response in self.as_(who).render_template(request):
            assert project.summary is None
            for chunk in response.files.chunks:
                last = chunk.path or last
                project.files[last] = project.files.get(last, b"") + chunk.data
                if chunk.executable:
                    project.executable.add(last)
            if response.HasField("summary"):
                project.summary = response.summary
        return project

    async def close(self) -> None:
        for client in self.clients.values():
            await client.close()


def value_message(value: Any) -> template_pb2.VariableValue:
    if isinstance(value, bool):
        return template_pb2.VariableValue(boolean_value=value)
    if isinstance(value, int):
        return template_pb2.VariableValue(integer_value=value)
    if isinstance(value, str):
        return template_pb2.VariableValue(string_value=value)
    return template_pb2.VariableValue(list_value=template_pb2.StringList(values=value))


Serve = Callable[..., Any]


@pytest.fixture
def serve(host: Any) -> Serve:
    """Serves the templates service: `async with serve() as templates`; a second time is a restart."""

    @asynccontextmanager
    async def serving(**settings: object) -> AsyncIterator[Templates]:
        async with host(compose, compose_principals, **settings) as running:
            templates = Templates(running)
            try:
                yield templates
            finally:
                await templates.close()

    return serving


@pytest.fixture
async def templates(serve: Serve) -> AsyncIterator[Templates]:
    async with serve() as served:
        yield served


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> dict[str, object]:
    """The settings for each database."""
    if request.param == "sqlite":
        return {}
    return {"database_url": request.getfixturevalue("postgres_url")}


@pytest.fixture
async def stored(serve: Serve, database: dict[str, object]) -> AsyncIterator[Templates]:
    """The service on each database."""
    async with serve(**database) as served:
        yield served
