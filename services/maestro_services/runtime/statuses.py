"""Reasons to canonical codes, and the rich status that carries a ServiceError over the wire."""

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from maestro_services.runtime.errors import Reason, ServiceError

DOMAIN = "maestro.dev"

_C = grpc.StatusCode
CODES: dict[Reason, grpc.StatusCode] = {
    Reason.TOKEN_MISSING: _C.UNAUTHENTICATED,
    Reason.TOKEN_INVALID: _C.UNAUTHENTICATED,
    Reason.PERMISSION_DENIED: _C.PERMISSION_DENIED,
    Reason.FIELD_INVALID: _C.INVALID_ARGUMENT,
    Reason.NAME_INVALID: _C.INVALID_ARGUMENT,
    Reason.MASK_INVALID: _C.INVALID_ARGUMENT,
    Reason.FILTER_INVALID: _C.INVALID_ARGUMENT,
    Reason.ORDER_INVALID: _C.INVALID_ARGUMENT,
    Reason.PAGE_TOKEN_INVALID: _C.INVALID_ARGUMENT,
    Reason.RESUME_TOKEN_INVALID: _C.INVALID_ARGUMENT,
    Reason.RESUME_TOKEN_EXPIRED: _C.OUT_OF_RANGE,
    Reason.REQUEST_ID_REUSED: _C.ALREADY_EXISTS,
    Reason.HELLO_EXPECTED: _C.INVALID_ARGUMENT,
    Reason.RESOURCE_NOT_FOUND: _C.NOT_FOUND,
    Reason.RESOURCE_EXISTS: _C.ALREADY_EXISTS,
    Reason.ETAG_MISMATCH: _C.ABORTED,
    Reason.STATE_INVALID: _C.FAILED_PRECONDITION,
    Reason.LIMIT_EXCEEDED: _C.RESOURCE_EXHAUSTED,
    Reason.DRAINING: _C.UNAVAILABLE,
    Reason.DEPENDENCY_UNAVAILABLE: _C.UNAVAILABLE,
    Reason.INTERNAL: _C.INTERNAL,
    Reason.STORAGE_UNAVAILABLE: _C.UNAVAILABLE,
    Reason.DEADLINE_EXCEEDED: _C.DEADLINE_EXCEEDED,
    Reason.BLOB_MISSING: _C.FAILED_PRECONDITION,
    Reason.DIGEST_MISMATCH: _C.INVALID_ARGUMENT,
    Reason.TREE_INVALID: _C.INVALID_ARGUMENT,
    Reason.LEASE_LOST: _C.ABORTED,
    Reason.SEQUENCE_MISMATCH: _C.ABORTED,
    Reason.NOTHING_TO_REPAIR: _C.FAILED_PRECONDITION,
    Reason.PATCH_MISMATCH: _C.FAILED_PRECONDITION,
    Reason.TEMPLATE_INVALID: _C.INVALID_ARGUMENT,
    Reason.VARIABLE_INVALID: _C.INVALID_ARGUMENT,
    Reason.RENDER_FAILED: _C.FAILED_PRECONDITION,
    Reason.RENDER_LIMIT: _C.RESOURCE_EXHAUSTED,
    Reason.SOURCE_UNREADABLE: _C.FAILED_PRECONDITION,
    Reason.EVENT_CONFLICT: _C.ALREADY_EXISTS,
    Reason.LOG_RANGE: _C.OUT_OF_RANGE,
    Reason.LOG_DAMAGED: _C.DATA_LOSS,
}


def code_of(error: ServiceError) -> grpc.StatusCode:
    """The canonical code of an error's reason."""
    return CODES[error.reason]


def trailer_of(error: ServiceError) -> tuple[str, bytes]:
    """The `grpc-status-details-bin` trailer: ErrorInfo, and BadRequest and RetryInfo where they fit."""
    details = [_packed(error_details_pb2.ErrorInfo(reason=error.reason.name, domain=DOMAIN, metadata=error.metadata))]
    if error.violations:
        fields = [
            error_details_pb2.BadRequest.FieldViolation(field=violation.field, description=violation.description)
            for violation in error.violations
        ]
        details.append(_packed(error_details_pb2.BadRequest(field_violations=fields)))
    if error.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(int(error.retry_after * 1000))
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    status = status_pb2.Status(code=code_of(error).value[0], message=error.message, details=details)
    return ("grpc-status-details-bin", status.SerializeToString())


def _packed(
    detail: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo,
) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
