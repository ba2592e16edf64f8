"""The interceptor that every call passes: identity, permission, rules, deadline, errors, metrics, audit.

One interceptor with one wrapper a kind of method, so that a call pays for one extra frame and not for seven.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
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
from maestro_services.runtime.principal import NOBODY, Principal
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
            wrapped = self._wrapped[details.method] = self._wrap(handler, method_contract(details.method))
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
        async def serve(request: Message, context: Context) -> Message:
            began = time.perf_counter()
            async with self._served(method, context) as call:
                self._admit(method, call, request)
                if context.time_remaining() is None:
                    async with asyncio.timeout(UNARY_DEADLINE):
                        response = await behavior(request, context)
                else:
                    response = await behavior(request, context)
                metrics.SECONDS.labels(method.path).observe(time.perf_counter() - began)
                return response
            raise AssertionError("a guarded call answers or raises")

        return serve

    def _collect(self, behavior: Callable[..., Awaitable[Message]], method: MethodContract) -> Callable[..., Any]:
        async def serve(requests: AsyncIterator[Message], context: Context) -> Message:
            async with self._served(method, context) as call:
                return await behavior(await self._admitted(method, call, requests), context)
            raise AssertionError("a guarded call answers or raises")

        return serve

    def _stream(self, behavior: Callable[..., AsyncIterator[Message]], method: MethodContract) -> Callable[..., Any]:
        async def serve(request: Message, context: Context) -> AsyncIterator[Message]:
            async with self._served(method, context) as call:
                self._admit(method, call, request)
                with metrics.STREAMS.labels(method.path).track_inprogress():
                    async for response in behavior(request, context):
                        yield response

        return serve

    def _converse(self, behavior: Callable[..., AsyncIterator[Message]], method: MethodContract) -> Callable[..., Any]:
        async def serve(requests: AsyncIterator[Message], context: Context) -> AsyncIterator[Message]:
            async with self._served(method, context) as call:
                if not method.open and not method.authenticated_only:
                    requests = await self._admitted(method, call, requests)
                with metrics.STREAMS.labels(method.path).track_inprogress():
                    async for response in behavior(requests, context):
                        yield response

        return serve

    @asynccontextmanager
    async def _served(self, method: MethodContract, context: Context) -> AsyncIterator[Call]:
        """Identifies the caller, and turns whatever the block raises into a status."""
        metadata = dict(context.invocation_metadata() or ())
        request_id = str(metadata.get("x-request-id", ""))[:64] or new_uid()
        call = Call(method.path, request_id, NOBODY, permission=method.permission, mutates=method.audited)
        enter(call)
        try:
            if not method.open:
                call.principal = await self._identify(bearer_token(metadata))
            yield call
        except (grpc.aio.AbortError, asyncio.CancelledError, GeneratorExit):
            raise
        except ServiceError as error:
            await self._refuse(call, context, error)
        except TimeoutError:
            _LOG.warning("call ran into the server's deadline", method=method.path, request_id=request_id)
            metrics.CALLS.labels(method.path, "DEADLINE_EXCEEDED").inc()
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"no answer within {UNARY_DEADLINE:.0f} seconds")
        except Exception:  # noqa: BLE001 (the last resort: logged whole, told as nothing but its request id)
            _LOG.exception("call failed", method=method.path, request_id=request_id)
            await self._refuse(call, context, ServiceError(Reason.INTERNAL, "internal error", request_id=request_id))
        else:
            metrics.CALLS.labels(method.path, "OK").inc()
            await self._record(call, "OK", "")

    async def _identify(self, token: str) -> Principal:
        if not token:
            raise ServiceError(Reason.TOKEN_MISSING, "the call carries no token: send `authorization: Bearer TOKEN`")
        principal = await self._authenticator.authenticate(token)
        if principal is None:
            raise ServiceError(Reason.TOKEN_INVALID, "the token is unknown, expired or revoked")
        return principal

    def _admit(self, method: MethodContract, call: Call, request: Message) -> None:
        if method.open:
            return
        call.resource = method.resource(request)
        call.project = project_of(call.resource)
        if not method.authenticated_only and not call.principal.may(method.minimum_role, call.project):
            where = f"in project {call.project}" if call.project else "in the mesh"
            message = f"{method.permission} {where} needs the role {method.minimum_role.name.lower()}"
            metadata = {"permission": method.permission, "project": call.project}
            raise ServiceError(Reason.PERMISSION_DENIED, message, **metadata)
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

    async def _refuse(self, call: Call, context: Context, error: ServiceError) -> NoReturn:
        code = code_of(error)
        metrics.CALLS.labels(call.method, code.name).inc()
        _LOG.info("call refused", method=call.method, request_id=call.request_id, reason=error.reason.name)
        await self._record(call, code.name, error.reason.name)
        await context.abort(code, error.message, (trailer_of(error),))
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
