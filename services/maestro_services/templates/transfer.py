"""Files as they travel: batches of pieces, in order."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator

from maestro.templates.v1 import template_pb2, template_service_pb2

from maestro_services.runtime.errors import Reason, ServiceError, invalid_field
from maestro_services.templates.domain.files import File
from maestro_services.templates.domain.limits import TemplateLimits, limit_exceeded
from maestro_services.templates.domain.rendering import Piece, Rendering

_BATCH_BYTES = 1 << 20
_BATCH_PIECES = 2000

Hello = template_service_pb2.CreateTemplateVersionHello
Requests = AsyncIterator[template_service_pb2.CreateTemplateVersionRequest]


async def receive_hello(requests: Requests) -> Hello:
    """The first message of an upload."""
    first = await anext(requests)
    if not first.HasField("hello"):
        raise ServiceError(Reason.HELLO_EXPECTED, "the first message must be `hello`", expected="hello")
    return first.hello


async def receive_files(requests: Requests, limits: TemplateLimits) -> list[File]:
    """The files of an upload, refused as soon as they are more than a version may have."""
    files: list[tuple[str, bool, bytearray]] = []
    size = 0
    async for request in requests:
        if request.HasField("hello"):
            raise invalid_field("hello", "comes first and once")
        for chunk in request.files.chunks:
            if chunk.path:
                files.append((chunk.path, chunk.executable, bytearray()))
            if not files:
                raise invalid_field("files.chunks.path", "the first chunk names its file")
            size += len(chunk.data)
            if len(files) > limits.files:
                raise limit_exceeded("files", limits.files)
            if size > limits.size_bytes:
                raise limit_exceeded("size_bytes", limits.size_bytes)
            files[-1][2].extend(chunk.data)
    return [File(path, bytes(data), executable) for path, executable, data in files]


async def batches(stream: AsyncIterable[Piece | Rendering]) -> AsyncGenerator[template_pb2.FileBatch | Rendering, None]:
    """Pieces in batches of at most 1 MiB; what was rendered comes last."""
    batch = template_pb2.FileBatch()
    size = 0
    async for part in stream:
        if isinstance(part, Rendering):
            if batch.chunks:
                yield batch
            yield part
            return
        if size + len(part.data) > _BATCH_BYTES or len(batch.chunks) == _BATCH_PIECES:
            yield batch
            batch, size = template_pb2.FileBatch(), 0
        batch.chunks.add(path=part.path, executable=part.executable, data=part.data)
        size += len(part.data)
