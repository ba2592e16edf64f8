"""What a test printed, byte for byte, from underneath pytest's own capture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


class RawCapture:
    """Keeps the bytes that pytest decodes, replacing what is not UTF-8, when it reads its captured output."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        self._streams: list[str] = []

    @classmethod
    def install(cls, config: pytest.Config) -> RawCapture:
        """Listens to the capture of this session; one that is off or of an unknown kind is left alone."""
        raw = cls()
        manager = config.pluginmanager.getplugin("capturemanager")
        capture = getattr(manager, "_global_capturing", None)
        for stream, attribute in (("stdout", "out"), ("stderr", "err")):
            source = getattr(capture, attribute, None)
            if type(source).__name__ == "FDCapture" and hasattr(getattr(source, "tmpfile", None), "buffer"):
                source.snap = raw._reader(stream, source.tmpfile)  # type: ignore[union-attr]
                raw._streams.append(stream)
        return raw

    def hears(self, stream: str) -> bool:
        """Whether the bytes of `stream` are kept here."""
        return stream in self._streams

    def take(self, stream: str) -> bytes:
        """Hands out the bytes read since the last call."""
        data = b"".join(self._pieces[stream])
        self._pieces[stream].clear()
        return data

    def _reader(self, stream: str, file: Any) -> Callable[[], str]:
        pieces = self._pieces[stream]

        def snap() -> str:
            file.seek(0)
            data: bytes = file.buffer.read()
            file.seek(0)
            file.truncate()
            if data:
                pieces.append(data)
            return data.decode("utf-8", "replace")

        return snap
