"""The interceptor that every call passes: identity, permission, rules, deadline, errors, metrics, audit.

One interceptor with one wrapper a kind of method, so that a call pays for one extra frame and not for seven.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, NoReturn

import grpc
import protovalidate
import structlog
from google.protobuf.message import Message

from maestro_services.runtime import audit_spool, metrics
from maestro_services.runtime.authentication import Authenticator, bearer_token
from maestro_services.runtime.clock import utc_now
from maestro_services.runtime.context import Call, enter
from maestro_services.runtime.contract import MethodContract, method_contract
from maestro_services.runtime.database import Database
from maestro_services.runtime.errors import Reason, ServiceError, Violation
from maestro_services.runtime.ids import new_uid
from maestro_services.runtime.names import project_of
from maestro_services.runtime.principal import NOBODY
from maestro_services.runtime.statuses import code_of, trailer_of

_LOG = structlog.get_logger()
# The deadline of a unary call whose caller gave none, in seconds.
UNARY_DEADLINE = 60.0

Context = grpc.aio.ServicerContext[Any, Any]
Handler = Any  # grpc.RpcMethodHandler is generic in the stubs only
Databases = Callable[[str], Database | None]
"""The database whose audit spool takes the records of a method's service."""


class Guard(grpc.aio.ServerInterceptor):
    """Stands before every method; see the module."""

    def __init__(self, authenticator: Authenticator, databases: Databases) -> None:
        self._authenticator = authenticator
        self._databases = databases
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]], details: grpc.HandlerCallDetails
    ) -> Handler:
        """The method's handler, wrapped once."""
        handler = await continuation(details)
        if handler is None:
            return None
        wrapped = self._wrapped.get(details.method)
        if wrapped is None:
            method = method_contract(details.method)
            wrapped = self._wrapped[details.method] = handler if method.open else self._wrap(handler, method)
        return wrapped

    def _wrap(self, handler: Handler, method: MethodContract) -> Handler:
        codecs = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if not handler.request_streaming and not handler.response_streaming:
            return grpc.unary_unary_rpc_method_handler(self._unary(handler.unary_unary, method), **codecs)
        if not handler.response_streaming:
            return grpc.stream_unary_rpc_method_handler(self._collect(handler.stream_unary, method), **codecs)
        if not handler.request_streaming:
            return grpc.unary_stream_rpc_method_handler(self._stream(handler.unary_stream, method), **codecs)
        return grpc.stream_stream_rpc_method_handler(self._converse(handler.stream_stream, method), **codecs)

    def _unary(self, behavior: Callable[..., Awaitable[Message]], method: MethodContract) -> Callable[..., Any]:
        seconds = metrics.SECONDS.labels(method.path)

        async def serve(request: Message, context: Context) -> Message:
            began = time.perf_counter()
            call = _call(method, context)
            limit = asyncio.timeout(UNARY_DEADLINE if call.deadline is None else None)
            try:
                await self._identify(call, context)
                self._admit(method, call, request)
                async with limit:
                    response = await behavior(request, context)
            except Exception as error:  # noqa: BLE001 (told apart in one place)
                await self._refuse(call, context, _overdue() if limit.expired() else error)
            seconds.observe(time.perf_counter() - began)
            await self._answered(call)
            return response

        return serve

    def _collect(self, behavior: Callable[..., Awaitable[Message]], method: MethodContract) -> Callable[..., Any]:
        async def serve(requests: AsyncIterator[Message], context: Context) -> Message:
            call = _call(method, context)
            try:
                await self._identify(call, context)
                response = await behavior(await self._admitted(method, call, requests), context)
            except asyncio.CancelledError:
                await self._cut(call)
                raise
            except Exception as error:  # noqa: BLE001 (told apart in one place)
                await self._refuse(call, context, error)
            await self._answered(call)
            return response

        return serve

    def _stream(self, behavior: Callable[..., AsyncGenerator[Message]], method: MethodContract) -> Callable[..., Any]:
        open_streams = metrics.STREAMS.labels(method.path)

        async def serve(request: Message, context: Context) -> AsyncIterator[Message]:
            call = _call(method, context)
            try:
                await self._identify(call, context)
                self._admit(method, call, request)
                with open_streams.track_inprogress():
                    async with aclosing(behavior(request, context)) as responses:
                        async for response in responses:
                            yield response
            except Exception as error:  # noqa: BLE001 (told apart in one place)
                await self._refuse(call, context, error)
            await self._answered(call)

        return serve

    def _converse(self, behavior: Callable[..., AsyncGenerator[Message]], method: MethodContract) -> Callable[..., Any]:
        open_streams = metrics.STREAMS.labels(method.path)

        async def serve(requests: AsyncIterator[Message], context: Context) -> AsyncIterator[Message]:
            call = _call(method, context)
            try:
                await self._identify(call, context)
                if not method.foreign:
                    requests = await self._admitted(method, call, requests)
                with open_streams.track_inprogress():
                    async with aclosing(behavior(requests, context)) as responses:
                        async for response in responses:
                            yield response
            except (asyncio.CancelledError, GeneratorExit):
                await self._cut(call)
                raise
            except Exception as error:  # noqa: BLE001 (told apart in one place)
                await self._refuse(call, context, error)
            await self._answered(call)

        return serve

    async def _identify(self, call: Call, context: Context) -> None:
        token = bearer_token(dict(context.invocation_metadata() or ()))
        if not token:
            raise ServiceError(Reason.TOKEN_MISSING, "the call carries no token: send `authorization: Bearer TOKEN`")
        principal = await self._authenticator.authenticate(token)
        if principal is None:
            raise ServiceError(Reason.TOKEN_INVALID, "the token is unknown, expired or revoked")
        call.principal = principal

    def _admit(self, method: MethodContract, call: Call, request: Message) -> None:
        call.resource = method.resource(request)
        call.project = project_of(call.resource)
        if not method.authenticated_only and not call.principal.may(method.minimum_role, call.project):
            where = f"in project {call.project}" if call.project else "in the mesh"
            message = f"{method.permission} {where} needs the role {method.minimum_role.name.lower()}"
            raise ServiceError(Reason.PERMISSION_DENIED, message, permission=method.permission, project=call.project)
        if method.validated:
            _validate(request)

    async def _admitted(
        self, method: MethodContract, call: Call, requests: AsyncIterator[Message]
    ) -> AsyncIterator[Message]:
        """The stream's requests, the first of which decides what the call is about."""
        first = await anext(aiter(requests), None)
        if first is None:
            raise ServiceError(Reason.HELLO_EXPECTED, "the stream ended before its first message", expected="a message")
        self._admit(method, call, first)
        return _checked(method, first, requests)

    async def _answered(self, call: Call) -> None:
        metrics.CALLS.labels(call.method, "OK").inc()
        if call.mutates:
            await self._record(call, "OK", "")

    async def _cut(self, call: Call) -> None:
        """A caller that went away in the middle of a stream may have changed something before."""
        if not call.recorded:
            await self._record(call, grpc.StatusCode.CANCELLED.name, "")

    async def _refuse(self, call: Call, context: Context, error: Exception) -> NoReturn:
        """Turns whatever a call raised into a status; the text of an unknown exception goes to the log alone."""
        if isinstance(error, grpc.aio.AbortError):
            raise error
        refusal = _refusal(call, error)
        code = code_of(refusal)
        metrics.CALLS.labels(call.method, code.name).inc()
        await self._record(call, code.name, refusal.reason.name)
        await context.abort(code, refusal.message, (trailer_of(refusal),))
        raise AssertionError("abort returned")

    async def _record(self, call: Call, code: str, reason: str) -> None:
        """Spools what no transaction of the call has recorded. Strangers are logged only: they could fill the log."""
        database = self._databases(call.method)
        if not call.mutates or database is None or call.principal is NOBODY or (call.recorded and code == "OK"):
            return
        call.recorded = True
        try:
            async with database.write() as transaction:
                record = audit_spool.record_of(call, utc_now(), code, reason)
                await audit_spool.append(transaction.connection, record)
        except ServiceError:
            _LOG.exception("audit record not spooled", method=call.method, request_id=call.request_id)


def _call(method: MethodContract, context: Context) -> Call:
    """The call that this task now serves."""
    given = next((value for key, value in context.invocation_metadata() or () if key == "x-request-id"), "")
    remaining = context.time_remaining()
    call = Call(
        method=method.path,
        request_id=str(given)[:64] or new_uid(),
        principal=NOBODY,
        permission=method.permission,
        mutates=method.audited,
        deadline=None if remaining is None else time.monotonic() + remaining,
    )
    enter(call)
    return call


def _overdue() -> ServiceError:
    return ServiceError(Reason.DEADLINE_EXCEEDED, f"no answer within {UNARY_DEADLINE:.0f} seconds")


def _refusal(call: Call, error: Exception) -> ServiceError:
    if isinstance(error, ServiceError):
        _LOG.info("call refused", method=call.method, request_id=call.request_id, reason=error.reason.name)
        return error
    _LOG.error("call failed", method=call.method, request_id=call.request_id, exc_info=error)
    return ServiceError(Reason.INTERNAL, "internal error", request_id=call.request_id)


async def _checked(method: MethodContract, first: Message, requests: AsyncIterator[Message]) -> AsyncIterator[Message]:
    yield first
    async for request in requests:
        if method.validated:
            _validate(request)
        yield request


def _validate(request: Message) -> None:
    found = protovalidate.collect_violations(request)
    if found:
        violations = [Violation(_path(one.proto), one.proto.message or one.proto.rule_id) for one in found]
        first = violations[0]
        message = f"{first.field}: {first.description}"
        raise ServiceError(Reason.FIELD_INVALID, message, violations=violations, field=first.field)


def _path(violation: protovalidate.ViolationPb) -> str:
    parts: list[str] = []
    for element in violation.field.elements if violation.field else ():
        name = element.field_name
        subscript = element.subscript
        parts.append(name if subscript is None else f"{name}[{subscript.value!r}]")
    return ".".join(parts)
