"""The way to the worker: frames of JSON, each followed by raw bytes."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from typing import Any

MAX_DATA_BYTES = 65536
_HEADER = struct.Struct(">II")


class Channel:
    """Writes events so that none is lost once `send` has returned, even if the process dies right after."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor: int | None = descriptor
        self._process = os.getpid()
        self._encode: Callable[[Any], str] = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode

    def send(self, event: dict[str, Any], data: bytes = b"") -> None:
        """Sends one event. Does nothing in a forked child, or when the worker is gone."""
        if self._descriptor is None or os.getpid() != self._process:
            return
        text = self._encode(event).encode("ascii")
        frame = memoryview(_HEADER.pack(len(text), len(data)) + text + data)
        try:
            while frame:
                frame = frame[os.write(self._descriptor, frame) :]
        except OSError:
            self._descriptor = None

    def send_output(self, test_id: str, stream: str, data: bytes) -> None:
        """Sends what a test printed, in pieces."""
        for start in range(0, len(data), MAX_DATA_BYTES):
            self.send({"e": "output", "id": test_id, "stream": stream}, data[start : start + MAX_DATA_BYTES])
