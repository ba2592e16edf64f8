"""Streams that go on behind the last message after a cut, a drain or a silence."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol, TypeVar

from google.protobuf.message import Message
from maestro.execution.v1 import results_service_pb2

from ._backoff import pause
from ._errors import Cancelled, Draining, Internal, MaestroError, Unavailable, Unknown

_CUTS = (Unavailable, Cancelled, Internal, Unknown)


class Resumable(Protocol):
    """A message of a watch."""

    @property
    def resume_token(self) -> str:
        """Where to go on after this message."""


_RequestT = TypeVar("_RequestT", bound=Message)
_ResponseT = TypeVar("_ResponseT")
_WatchedT = TypeVar("_WatchedT", bound=Resumable)


async def resume(
    method: Callable[[_RequestT], AsyncIterator[_WatchedT]], request: _RequestT, *, patience: float | None = None
) -> AsyncIterator[_WatchedT]:
    """Yield the messages of a watch, and call again with the last token when the stream is cut.

    Calls again after UNAVAILABLE (draining servers included), a transport's failure and a silence, with growing,
    jittered pauses; every message comes at least once and in order. Heartbeats are yielded too: their token is as
    good as any. Ends when the server ends the stream. Raises ResumeTokenExpired (list, then watch without a token),
    every other error of the call, and the last cut once nothing was received for `patience` seconds (None: never).
    """
    current = type(request)()
    current.CopyFrom(request)

    def again() -> AsyncIterator[_WatchedT]:
        return method(current)

    async with contextlib.aclosing(_persist(again, patience)) as messages:
        async for message in messages:
            if message.resume_token:
                current.MergeFrom(type(request)(resume_token=message.resume_token))
            yield message


async def follow_log(
    method: Callable[[results_service_pb2.ReadLogRequest], AsyncIterator[results_service_pb2.ReadLogResponse]],
    request: results_service_pb2.ReadLogRequest,
    *,
    patience: float | None = None,
) -> AsyncIterator[results_service_pb2.ReadLogResponse]:
    """Yield the chunks of a log, and call again with the next offset when the stream is cut. No byte comes twice."""
    current = results_service_pb2.ReadLogRequest()
    current.CopyFrom(request)

    async with contextlib.aclosing(_persist(lambda: method(current), patience)) as chunks:
        async for chunk in chunks:
            if chunk.data:
                current.offset = chunk.offset + len(chunk.data)
                yield chunk


async def _persist(call: Callable[[], AsyncIterator[_ResponseT]], patience: float | None) -> AsyncGenerator[_ResponseT]:
    """Call again and again until a stream ends by itself."""
    failures, heard = 0, time.monotonic()
    while True:
        try:
            async for message in call():
                yield message
                failures, heard = 0, time.monotonic()
            return
        except _CUTS as error:
            silent = time.monotonic() - heard
            if not _is_cut(error) or (patience is not None and silent > patience):
                raise
            failures += 1
        await asyncio.sleep(pause(failures, maximum=5.0))


def _is_cut(error: MaestroError) -> bool:
    """Tell a broken connection from an answer: a service names the reason of its errors, a transport does not."""
    return isinstance(error, Unavailable | Draining) or not error.reason
