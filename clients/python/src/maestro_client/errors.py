"""What a call can raise: one class per canonical code, and a few for reasons that callers branch on.

Every MaestroError carries what the service said: `reason` (a value of maestro.common.v1.ErrorReason without its
prefix, empty if the transport failed), `message` for people, `metadata` with the variable parts, and `violations`
for each field or precondition. `request_id` finds the call in the service's log.
"""

from ._errors import (
    Aborted,
    AlreadyExists,
    BlobMissing,
    Cancelled,
    DataLoss,
    DeadlineExceeded,
    Draining,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    LeaseLost,
    MaestroError,
    NotFound,
    OutOfRange,
    PermissionDenied,
    ResourceExhausted,
    ResumeTokenExpired,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    Unknown,
    Violation,
)

__all__ = [
    "Aborted",
    "AlreadyExists",
    "BlobMissing",
    "Cancelled",
    "DataLoss",
    "DeadlineExceeded",
    "Draining",
    "FailedPrecondition",
    "Internal",
    "InvalidArgument",
    "LeaseLost",
    "MaestroError",
    "NotFound",
    "OutOfRange",
    "PermissionDenied",
    "ResourceExhausted",
    "ResumeTokenExpired",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "Unknown",
    "Violation",
]
