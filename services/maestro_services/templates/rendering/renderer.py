"""Renders and checks templates, and streams the files of the new project."""

import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.templates.children.parent import PIECE_BYTES, Child, ChildCrashError, ChildLimitError, Children
from maestro_services.templates.domain.files import File, TreeHash
from maestro_services.templates.domain.limits import RenderLimits, render_limit
from maestro_services.templates.domain.paths import collision, path_fault
from maestro_services.templates.domain.rendering import Piece, Rendering
from maestro_services.templates.domain.template import MANIFEST, Manifest
from maestro_services.templates.domain.variables import Value, Variable, check_derived, check_given, refuse
from maestro_services.templates.manifest.faults import Fault, Place, invalid
from maestro_services.templates.manifest.manifest import variable_fault
from maestro_services.templates.rendering.sources import SourceFile, sources

_MODULE = "maestro_services.templates.children.render"


class Renderer:
    """Renders each template in a child of its own, so many at once as `children` allows."""

    def __init__(self, children: Children, limits: RenderLimits) -> None:
        self._children = children
        self._limits = limits
        self._arguments = (str(limits.memory_bytes), str(limits.cpu_seconds))

    async def check(self, manifest: Manifest, files: Sequence[File]) -> None:
        """Refuses a template with a fault of syntax in a file, a file's name, a default or a pattern."""
        async with self._child(manifest, sources(manifest, files), {}, check=True) as child:
            answer, _ = await child.receive()
        self._raise_limit(answer)
        if not answer["faults"]:
            return
        content = next(file.content for file in files if file.path == MANIFEST)
        faults = [(fault.get("file", MANIFEST), _syntax_fault(fault, content)) for fault in answer["faults"]]
        first = faults[0][0]
        raise invalid(first, [fault for file, fault in faults if file == first])

    async def render(
        self, manifest: Manifest, files: Sequence[File], given: Mapping[str, Value]
    ) -> AsyncGenerator[Piece | Rendering, None]:
        """The pieces of the new project's files in the order of their paths, then what was rendered."""
        check_given(manifest.variables, given)
        chosen = {source.path: source for source in sources(manifest, files)}
        async with self._child(manifest, list(chosen.values()), given, check=False) as child:
            header, _ = await child.receive()
            self._raise_refusal(header)
            values = {
                name: tuple(value) if isinstance(value, list) else value for name, value in header["values"].items()
            }
            check_derived(manifest.variables, values)
            _check_paths(header["plan"])
            tree = TreeHash()
            for path, source in header["plan"]:
                async for piece in self._file(child, path, chosen[source], tree):
                    yield piece
        yield Rendering(values, tree.file_count, tree.size_bytes, tree.digest())

    async def _file(self, child: Child, path: str, source: SourceFile, tree: TreeHash) -> AsyncIterator[Piece]:
        executable = source.file.executable
        size, content = await self._content(child, source)
        if tree.size_bytes + size > self._limits.output_bytes:
            raise render_limit("output_bytes", self._limits.output_bytes)
        sha256 = hashlib.sha256()
        name = path
        async for data in content:
            sha256.update(data)
            yield Piece(name, executable and bool(name), data)
            name = ""
        if name:
            yield Piece(name, executable, b"")
        tree.add(path, executable, sha256.hexdigest(), size)

    async def _content(self, child: Child, source: SourceFile) -> tuple[int, AsyncIterator[bytes]]:
        if source.verbatim:
            return len(source.file.content), _pieces(source.file.content)
        header, size = await child.receive()
        self._raise_refusal(header)
        return size, child.pieces(size)

    @contextlib.asynccontextmanager
    async def _child(
        self, manifest: Manifest, chosen: Sequence[SourceFile], given: Mapping[str, Value], *, check: bool
    ) -> AsyncIterator[Child]:
        texts = [source for source in chosen if not source.verbatim]
        job = {
            "check": check,
            "fuel": self._limits.fuel,
            "variables": [_variable(variable) for variable in manifest.variables],
            "values": given,
            "files": [(source.path, source.name) for source in chosen],
            "text_count": len(texts),
        }
        try:
            async with self._children.start(_MODULE, self._arguments, self._limits.wall_seconds) as child:
                await child.send(job)
                for source in texts:
                    await child.send({"path": source.path}, source.file.content)
                yield child
        except ChildLimitError as error:
            raise self._limit(error.limit) from None
        except ChildCrashError as error:
            raise ServiceError(
                Reason.RENDER_FAILED, "the template crashed its renderer", file="", line="0", detail=str(error)
            ) from error

    def _limit(self, limit: str) -> ServiceError:
        return render_limit(limit, asdict(self._limits).get(limit, 500))

    def _raise_limit(self, header: Mapping[str, Any]) -> None:
        if "limit" in header:
            raise self._limit(header["limit"])

    def _raise_refusal(self, header: Mapping[str, Any]) -> None:
        self._raise_limit(header)
        if "variable" in header:
            refuse({header["variable"]: header["rule"]})
        if "failed" in header:
            raise render_failed(header["file"], header["line"], header["failed"])


def render_failed(file: str, line: int, detail: str) -> ServiceError:
    """A template that cannot be rendered: where and why."""
    message = f"{file}:{line}: {detail}"
    return ServiceError(Reason.RENDER_FAILED, message, file=file, line=str(line), detail=detail)


def _variable(variable: Variable) -> dict[str, Any]:
    return {
        "name": variable.name,
        "default": variable.fallback,
        "derived": variable.default is not None,
        "pattern": variable.pattern,
    }


def _check_paths(plan: Sequence[tuple[str, str]]) -> None:
    for path, source in plan:
        if fault := path_fault(path):
            raise render_failed(source, 1, f"its path becomes {path!r}: {fault}")
    origin = dict(plan)
    if names := collision(path for path, _ in plan):
        raise render_failed(origin[names[1]], 1, f"its path becomes {names[1]!r}, which collides with {names[0]!r}")


def _syntax_fault(fault: Mapping[str, Any], manifest: bytes) -> Fault:
    if "file" in fault:
        return Fault(Place(fault["line"]), "", fault["rule"])
    key = "pattern" if "pattern_of" in fault else "default"
    return variable_fault(manifest, fault[f"{key}_of"], key, fault["rule"])


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]
