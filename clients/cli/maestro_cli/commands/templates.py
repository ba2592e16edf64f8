# ruff: noqa: ASYNC240 -- a command has nothing else to do while it reads a file
"""`maestro templates`: templates, and projects started from them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maestro_cli.options import on_platform

if TYPE_CHECKING:
    from maestro_cli.session import Session


@click.group()
def templates() -> None:
    """Keep templates, and start projects from them.

    NAME is a template's id, with @VERSION for another version than the latest.
    """


@templates.command(name="list")
@on_platform
async def list_templates(session: "Session") -> None:
    """List the templates of the project and the built-in ones."""
    from maestro.templates.v1 import template_service_pb2
    from maestro_client.paging import pages

    request = template_service_pb2.ListTemplatesRequest(parent=session.parent)
    whole = template_service_pb2.ListTemplatesResponse()
    async for page in pages(session.maestro.templates.list_templates, request):
        whole.templates.extend(page.templates)
    if session.json:
        session.document(whole)
    else:
        _write_templates(session, whole.templates, "no templates yet: `maestro templates add DIR` makes one")


@templates.command()
@click.argument("words", nargs=-1, required=True)
@on_platform
async def search(session: "Session", words: tuple[str, ...]) -> None:
    """Find templates by WORDS, best first."""
    from maestro.templates.v1 import template_service_pb2

    request = template_service_pb2.SearchTemplatesRequest(parent=session.parent, query=" ".join(words))
    page = await session.maestro.templates.search_templates(request)
    if session.json:
        session.document(page)
    else:
        _write_templates(session, [found.template for found in page.results], "nothing found")


def _write_templates(session: "Session", found: Any, none: str) -> None:
    import textwrap

    from maestro_cli.text import short, table, when

    rows = [
        (
            short(one.name),
            short(one.latest_version),
            "built-in" if one.built_in else "project",
            when(one.update_time),
            textwrap.shorten(one.description or one.display_name, 60, placeholder=" …"),
        )
        for one in found
    ]
    table(session.console, ("template", "version", "origin", "changed", "what for"), rows, none=none)


@templates.command()
@click.argument("name")
@on_platform
async def show(session: "Session", name: str) -> None:
    """Show a version of the template NAME, with its variables."""
    from maestro_cli.text import table

    version = await _get_version(session, name)
    if session.json:
        session.document(version)
        return
    session.console.print(f"{version.name}  {version.display_name}", style="bold")
    session.console.print(version.description)
    session.console.print(f"{version.file_count} files, {version.size_bytes:,} bytes\n", style="dim")
    rows = [
        (one.name, _type(one), "required" if one.required else _plain(one.default_value), one.description)
        for one in version.variables
    ]
    table(session.console, ("variable", "type", "default", "meaning"), rows, none="it asks for nothing", wrap=True)


async def _get_version(session: "Session", name: str) -> Any:
    from maestro.templates.v1 import template_service_pb2

    from maestro_cli.renderings import version_name

    request = template_service_pb2.GetTemplateVersionRequest(name=version_name(session.parent, name))
    return (await session.maestro.templates.get_template_version(request)).template_version


def _type(variable: Any) -> str:
    from maestro.templates.v1 import template_pb2

    if variable.choices:
        return " | ".join(variable.choices)
    return template_pb2.Variable.Type.Name(variable.type).removeprefix("TYPE_").replace("_", " ").lower()


def _plain(value: Any) -> str:
    kind = value.WhichOneof("kind")
    if kind == "list_value":
        return ", ".join(value.list_value.values)
    if kind == "boolean_value":
        return str(value.boolean_value).lower()
    return str(getattr(value, kind)) if kind else ""


@templates.command()
@click.argument("name")
@click.argument("destination", type=click.Path(path_type=Path))
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A variable's value; may be repeated.")
@on_platform
async def render(session: "Session", name: str, destination: Path, settings: tuple[str, ...]) -> None:
    """Start a project at DESTINATION from the template NAME.

    The folder appears only when the whole project has come. Lists are written with commas.
    """
    from maestro.templates.v1 import template_service_pb2

    from maestro_cli import renderings
    from maestro_cli.plan import pairs

    version = await _get_version(session, name)
    values = renderings.values_for(version.variables, pairs(settings, "--set"))
    request = template_service_pb2.RenderTemplateRequest(name=version.name, variables=values)
    summary = await renderings.render(session.maestro, request, destination)
    if session.json:
        session.document(summary)
    else:
        click.echo(f"{destination}: {summary.file_count} files from {name}")


@templates.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", metavar="ID", help="The template's id. Default: the folder's name.")
@click.option("--version", default="", metavar="VERSION", help="A semantic version. Default: the manifest's.")
@click.option("--check", is_flag=True, help="Check everything, and add nothing.")
@on_platform
async def add(session: "Session", folder: Path, name: str | None, version: str, check: bool) -> None:
    """Add a version of a template from FOLDER, which holds a maestro-template.yaml."""
    import uuid

    from maestro.templates.v1 import template_service_pb2
    from maestro_client.tree import take_snapshot

    from maestro_cli.renderings import version_messages

    hello = template_service_pb2.CreateTemplateVersionHello(
        parent=f"{session.parent}/templates/{name or folder.resolve().name}",
        version=version,
        request_id=str(uuid.uuid4()),
        validate_only=check,
    )
    stream = version_messages(hello, take_snapshot(folder))
    response = await session.maestro.templates.create_template_version(stream, timeout=120)
    _say_version(session, response, "is right" if check else "is published")


@templates.command(name="import")
@click.argument("url")
@click.option("--name", required=True, metavar="ID", help="The template's id.")
@click.option("--path", default="", metavar="DIR", help="The folder of the manifest in the repository.")
@click.option("--revision", default="", metavar="REVISION", help="Branch, tag or commit. Default: the default branch.")
@on_platform
async def import_template(session: "Session", url: str, name: str, path: str, revision: str) -> None:
    """Add a version of a template from the Git repository at URL."""
    from maestro.templates.v1 import template_pb2, template_service_pb2

    source = template_pb2.GitSource(url=url, path=path, revision=revision)
    request = template_service_pb2.ImportTemplateVersionRequest(
        parent=f"{session.parent}/templates/{name}", git_source=source
    )
    response = await session.maestro.templates.import_template_version(request, timeout=300)
    _say_version(session, response, "is published")


def _say_version(session: "Session", response: Any, what: str) -> None:
    if session.json:
        session.document(response)
    else:
        click.echo(f"{response.template_version.name} {what}")
