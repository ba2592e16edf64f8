# ruff: noqa: N818 -- named after the canonical codes, as everyone knows them
"""The exceptions of the client, and how a status becomes one."""

import dataclasses
from collections.abc import Mapping

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

_DOMAIN = "maestro.dev"
_DETAILS_KEY = "grpc-status-details-bin"


@dataclasses.dataclass(frozen=True, slots=True)
class Violation:
    """One field, precondition or quota that was not met."""

    subject: str
    description: str
    reason: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Details:
    """What a service says about an error beyond its code and message."""

    reason: str = ""
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    violations: tuple[Violation, ...] = ()
    retry_after: float | None = None


class MaestroError(Exception):
    """A call failed."""

    def __init__(
        self, code: grpc.StatusCode, message: str, details: Details | None = None, *, request_id: str = ""
    ) -> None:
        details = details or Details()
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = details.reason
        self.metadata = dict(details.metadata)
        self.violations = details.violations
        self.retry_after = details.retry_after
        self.request_id = request_id

    def __str__(self) -> str:
        label = f"{self.code.name}/{self.reason}" if self.reason else self.code.name
        said = [one for one in self.violations if one.description not in self.message]
        fields = "".join(f"; {one.subject}: {one.description}" for one in said)
        return f"{label}: {self.message}{fields}"


class Cancelled(MaestroError):
    """The call was cancelled by the other side."""


class Unknown(MaestroError):
    """The server failed in a way it does not name."""


class InvalidArgument(MaestroError):
    """The request breaks a rule whatever the state of the platform; `violations` names each field."""


class DeadlineExceeded(MaestroError):
    """The call's time was up. What it asked for may have happened."""


class NotFound(MaestroError):
    """There is no such resource, or none that the caller may see."""


class AlreadyExists(MaestroError):
    """The resource exists, or the request id was used with other arguments."""


class PermissionDenied(MaestroError):
    """The caller is known and may not do this; `metadata` names permission and project."""


class Unauthenticated(MaestroError):
    """The token is missing or not valid."""


class ResourceExhausted(MaestroError):
    """A limit is reached; `metadata` names it."""


class FailedPrecondition(MaestroError):
    """The state of the platform does not allow the call."""


class BlobMissing(FailedPrecondition):
    """The request refers to blobs that are not uploaded."""


class Aborted(MaestroError):
    """Another change came first: read again, then decide."""


class LeaseLost(Aborted):
    """The lease is not current any more: stop the work."""


class OutOfRange(MaestroError):
    """A position lies beyond what there is."""


class ResumeTokenExpired(OutOfRange):
    """What the resume token names is no longer kept: list again, then watch without a token."""


class Unimplemented(MaestroError):
    """The server does not know the method: it is older than this client, or another service."""


class Internal(MaestroError):
    """A fault of the service; its log has it under `request_id`."""


class Unavailable(MaestroError):
    """Nobody answers at the address, or the service cannot serve now. Calling again later is right."""


class Draining(Unavailable):
    """The server goes; another instance, or its successor, answers."""


class DataLoss(MaestroError):
    """Stored data is damaged."""


_BY_CODE: Mapping[grpc.StatusCode, type[MaestroError]] = {
    grpc.StatusCode.CANCELLED: Cancelled,
    grpc.StatusCode.UNKNOWN: Unknown,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.ABORTED: Aborted,
    grpc.StatusCode.OUT_OF_RANGE: OutOfRange,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
    grpc.StatusCode.INTERNAL: Internal,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DATA_LOSS: DataLoss,
}

_BY_REASON: Mapping[str, type[MaestroError]] = {
    "BLOB_MISSING": BlobMissing,
    "DRAINING": Draining,
    "LEASE_LOST": LeaseLost,
    "RESUME_TOKEN_EXPIRED": ResumeTokenExpired,
}


# What grpc.aio makes of a write that fails because the server has ended the call: it hides the server's own status
# (grpc/grpc#36066). The call is over and nothing more is known, as when a connection breaks.
_LOST_STATUS = "Internal error from Core"


def from_rpc_error(error: grpc.aio.AioRpcError, request_id: str = "") -> MaestroError:
    """Return the typed exception for a failed call."""
    if error.code() is grpc.StatusCode.INTERNAL and (error.details() or "").startswith(_LOST_STATUS):
        message = "the call ended while requests were sent"
        return Unavailable(grpc.StatusCode.UNAVAILABLE, message, request_id=request_id)
    details = _read_details(error.trailing_metadata())
    kind = _BY_REASON.get(details.reason) or _BY_CODE.get(error.code(), MaestroError)
    return kind(error.code(), error.details() or "", details, request_id=request_id)


def _read_details(trailers: grpc.aio.Metadata | None) -> Details:
    raw = trailers.get(_DETAILS_KEY) if trailers else None
    if not isinstance(raw, bytes):
        return Details()
    try:
        return _interpret(status_pb2.Status.FromString(raw))
    except DecodeError:
        return Details()


def _interpret(status: status_pb2.Status) -> Details:
    info = error_details_pb2.ErrorInfo()
    retry = error_details_pb2.RetryInfo()
    violations: list[Violation] = []
    for detail in status.details:
        if not (detail.Unpack(info) or detail.Unpack(retry)):
            violations += _violations(detail)
    ours = info.domain == _DOMAIN
    return Details(
        reason=info.reason if ours else "",
        metadata=dict(info.metadata) if ours else {},
        violations=tuple(violations),
        retry_after=_seconds(retry),
    )


def _seconds(retry: error_details_pb2.RetryInfo) -> float | None:
    return retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None


def _violations(detail: Any) -> list[Violation]:
    fields = error_details_pb2.BadRequest()
    conditions = error_details_pb2.PreconditionFailure()
    quotas = error_details_pb2.QuotaFailure()
    if detail.Unpack(fields):
        return [Violation(one.field, one.description, one.reason) for one in fields.field_violations]
    if detail.Unpack(conditions):
        return [Violation(one.subject, one.description, one.type) for one in conditions.violations]
    if detail.Unpack(quotas):
        return [Violation(one.subject, one.description) for one in quotas.violations]
    return []
