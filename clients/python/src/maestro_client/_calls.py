# ruff: noqa: ASYNC109 -- the time limit travels to the server, which a local one does not
"""The one way in which every call is made: with a deadline, the token, a request id, and typed errors."""

import asyncio
import math
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Generic, TypeVar

import grpc.aio
from google.protobuf.message import Message

from ._errors import Unavailable, from_rpc_error

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT")

DEFAULT_TIMEOUT = 30.0
# Streams carry a heartbeat every 10 seconds: three that do not come mean that nobody is there.
IDLE_TIMEOUT = 35.0


class Calls:
    """Makes calls on stubs' methods. One for all services of a connection."""

    def __init__(
        self,
        token: str | Callable[[], str] | None,
        timeout: float = DEFAULT_TIMEOUT,
        idle_timeout: float = IDLE_TIMEOUT,
    ) -> None:
        self._token = token
        self._timeout = timeout
        self._idle_timeout = idle_timeout

    async def unary(
        self, method: grpc.aio.UnaryUnaryMultiCallable[RequestT, ResponseT], request: RequestT, timeout: float | None
    ) -> ResponseT:
        """Call and answer the response. A mutation without a request id is given one, so that it can be retried."""
        metadata, request_id = self._metadata()
        try:
            return await method(identified(request), timeout=self._limit(timeout), metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, request_id) from None

    async def upload(
        self,
        method: grpc.aio.StreamUnaryMultiCallable[RequestT, ResponseT],
        requests: AsyncIterable[RequestT],
        timeout: float | None,
    ) -> ResponseT:
        """Send a stream of requests and answer the response. No deadline unless one is given."""
        metadata, request_id = self._metadata()
        source = _Requests(requests)
        try:
            return await method(source.pass_on(), timeout=_finite(timeout), metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, request_id) from None
        except asyncio.CancelledError:
            source.raise_error()
            raise

    async def stream(
        self, method: grpc.aio.UnaryStreamMultiCallable[RequestT, ResponseT], request: RequestT, timeout: float | None
    ) -> AsyncIterator[ResponseT]:
        """Yield the responses. No deadline unless one is given; a silent stream ends as Unavailable."""
        metadata, request_id = self._metadata()
        call = method(identified(request), timeout=_finite(timeout), metadata=metadata)
        responses = aiter(call)
        try:
            while True:
                try:
                    async with asyncio.timeout(self._idle_timeout):
                        response = await anext(responses)
                except StopAsyncIteration:
                    return
                yield response
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, request_id) from None
        except TimeoutError:
            message = f"no message for {self._idle_timeout:g} s on a stream that should have a heartbeat"
            raise Unavailable(grpc.StatusCode.UNAVAILABLE, message, request_id=request_id) from None
        finally:
            call.cancel()

    async def converse(
        self,
        method: grpc.aio.StreamStreamMultiCallable[RequestT, ResponseT],
        requests: AsyncIterable[RequestT],
        timeout: float | None,
    ) -> AsyncIterator[ResponseT]:
        """Send a stream of requests and yield the responses. No deadline unless one is given."""
        metadata, request_id = self._metadata()
        source = _Requests(requests)
        call = method(source.pass_on(), timeout=_finite(timeout), metadata=metadata)
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, request_id) from None
        except asyncio.CancelledError:
            source.raise_error()
            raise
        finally:
            call.cancel()

    def _metadata(self) -> tuple[grpc.aio.Metadata, str]:
        request_id = uuid.uuid4().hex
        metadata = grpc.aio.Metadata(("x-request-id", request_id))
        token = self._token() if callable(self._token) else self._token
        if token:
            metadata.add("authorization", f"Bearer {token}")
        return metadata, request_id

    def _limit(self, timeout: float | None) -> float | None:
        return _finite(self._timeout if timeout is None else timeout)


class _Requests(Generic[RequestT]):
    """Passes requests on and keeps the error that ended them: grpc makes a bare cancellation of it."""

    def __init__(self, requests: AsyncIterable[RequestT]) -> None:
        self._requests = requests
        self._error: Exception | None = None

    async def pass_on(self) -> AsyncIterator[RequestT]:
        try:
            async for request in self._requests:
                yield request
        except Exception as error:
            self._error = error
            raise

    def raise_error(self) -> None:
        if self._error:
            raise self._error


def identified(request: RequestT) -> RequestT:
    """Return the request, or a copy with a request id if its kind has one and it is unset."""
    given: str = getattr(request, "request_id", "-")
    if given:
        return request
    copy = type(request)()
    copy.CopyFrom(request)
    copy.MergeFrom(type(request)(request_id=str(uuid.uuid4())))
    return copy


def _finite(timeout: float | None) -> float | None:
    return None if timeout is None or math.isinf(timeout) else timeout
