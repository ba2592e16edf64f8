"""Frames of what is injected into a project's process: JSON, each followed by raw bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator, Iterator
from typing import Any

_HEADER = struct.Struct(">II")

Frame = tuple[dict[str, Any], bytes]


async def read_frames(chunks: AsyncIterator[bytes]) -> AsyncIterator[list[Frame]]:
    """Yields the frames as they come, all that have come together; a frame that was cut off is not one."""
    buffer = bytearray()
    async for data in chunks:
        buffer += data
        frames = list(_cut(buffer))
        if frames:
            yield frames


def _cut(buffer: bytearray) -> Iterator[Frame]:
    position = 0
    while len(buffer) >= position + _HEADER.size:
        text_size, data_size = _HEADER.unpack_from(buffer, position)
        start = position + _HEADER.size
        end = start + text_size + data_size
        if len(buffer) < end:
            break
        yield json.loads(buffer[start : start + text_size]), bytes(buffer[start + text_size : end])
        position = end
    del buffer[:position]
