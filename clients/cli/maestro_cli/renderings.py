# ruff: noqa: ASYNC240 -- a command has nothing else to do while it reads a file
"""Sends templates and writes rendered projects."""

import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

from maestro.templates.v1 import template_pb2, template_service_pb2
from maestro_client import Maestro
from maestro_client.tree import Snapshot, Tree, digest_of

from .failures import Failure

_BATCH_BYTES = 1 << 19
_TRUE, _FALSE = {"true", "yes", "1", "on"}, {"false", "no", "0", "off"}
_Type = template_pb2.Variable


def version_name(parent: str, reference: str) -> str:
    """Return the name of a version: NAME, NAME@VERSION, or a full name."""
    if reference.startswith("projects/"):
        return reference if "/versions/" in reference else f"{reference}/versions/latest"
    name, _, version = reference.partition("@")
    return f"{parent}/templates/{name}/versions/{version or 'latest'}"


def values_for(
    variables: Iterable[template_pb2.Variable], said: dict[str, str]
) -> dict[str, template_pb2.VariableValue]:
    """Return what `--set` said, each value as its variable's type wants it. Raises Failure for what does not fit."""
    known = {variable.name: variable for variable in variables}
    unknown = sorted(set(said) - set(known))
    if unknown:
        raise Failure(f"the template has no variable {unknown[0]}", f"it has: {', '.join(known) or 'none'}")
    return {name: _value(known[name], text) for name, text in said.items()}


def _value(variable: template_pb2.Variable, text: str) -> template_pb2.VariableValue:
    if variable.type == _Type.TYPE_INTEGER:
        try:
            return template_pb2.VariableValue(integer_value=int(text))
        except ValueError:
            raise Failure(f"{variable.name} must be a whole number, not {text!r}") from None
    if variable.type == _Type.TYPE_BOOLEAN:
        if text.lower() not in _TRUE | _FALSE:
            raise Failure(f"{variable.name} must be true or false, not {text!r}")
        return template_pb2.VariableValue(boolean_value=text.lower() in _TRUE)
    if variable.type == _Type.TYPE_STRING_LIST:
        values = [part.strip() for part in text.split(",")] if text else []
        return template_pb2.VariableValue(list_value=template_pb2.StringList(values=values))
    return template_pb2.VariableValue(string_value=text)


async def render(
    maestro: Maestro, request: template_service_pb2.RenderTemplateRequest, target: Path
) -> template_service_pb2.RenderSummary:
    """Render into a folder that does not exist or is empty; it appears only when everything has come."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Failure(f"{target} exists and is not an empty folder", "name another destination")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        folder = Path(scratch) / "project"
        folder.mkdir()
        summary = await _receive(maestro, request, folder)
        if target.exists():
            target.rmdir()
        folder.rename(target)
    return summary


async def _receive(
    maestro: Maestro, request: template_service_pb2.RenderTemplateRequest, folder: Path
) -> template_service_pb2.RenderSummary:
    current: Path | None = None
    async for message in maestro.templates.render_template(request):
        if message.HasField("summary"):
            return message.summary
        for chunk in message.files.chunks:
            current = _write(folder, chunk, current)
    raise Failure("the rendering ended before all files had come", "try again")


def _write(folder: Path, chunk: template_pb2.FileChunk, current: Path | None) -> Path:
    if chunk.path:
        # Refuses a path that leads out of the folder, whoever sent it.
        Tree().with_file(chunk.path, digest_of(b""))
        current = folder / chunk.path
        current.parent.mkdir(parents=True, exist_ok=True)
        current.write_bytes(chunk.data)
        current.chmod(0o755 if chunk.executable else 0o644)
    elif current is None:
        raise Failure("the rendering sent data before the name of a file")
    else:
        with current.open("ab") as stream:
            stream.write(chunk.data)
    return current


async def version_messages(
    hello: template_service_pb2.CreateTemplateVersionHello, snapshot: Snapshot
) -> AsyncIterator[template_service_pb2.CreateTemplateVersionRequest]:
    """Yield the stream that creates a version from a folder."""
    yield template_service_pb2.CreateTemplateVersionRequest(hello=hello)
    batch, size = template_pb2.FileBatch(), 0
    for chunk in _chunks(snapshot):
        if batch.chunks and (size + len(chunk.data) > _BATCH_BYTES or len(batch.chunks) == 1000):
            yield template_service_pb2.CreateTemplateVersionRequest(files=batch)
            batch, size = template_pb2.FileBatch(), 0
        batch.chunks.append(chunk)
        size += len(chunk.data)
    yield template_service_pb2.CreateTemplateVersionRequest(files=batch)


def _chunks(snapshot: Snapshot) -> Iterator[template_pb2.FileChunk]:
    if snapshot.tree.symlinks:
        raise Failure(f"{min(snapshot.tree.symlinks)} is a link; a template has files only")
    for path, entry in sorted(snapshot.tree.files.items()):
        data = (snapshot.root_folder / path).read_bytes()
        yield template_pb2.FileChunk(path=path, executable=entry.executable, data=data[:_BATCH_BYTES])
        for start in range(_BATCH_BYTES, len(data), _BATCH_BYTES):
            yield template_pb2.FileChunk(data=data[start : start + _BATCH_BYTES])
