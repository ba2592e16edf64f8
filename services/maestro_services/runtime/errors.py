"""Errors of the call, in the words of the contract: a reason, a sentence, and metadata.

Domains raise them; the guard turns a reason into its canonical code and an ErrorInfo. Standard library only.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass


class Reason(enum.Enum):
    """The names of `maestro.common.v1.ErrorReason` without their prefix; a test keeps both the same."""

    TOKEN_MISSING = enum.auto()
    TOKEN_INVALID = enum.auto()
    PERMISSION_DENIED = enum.auto()
    FIELD_INVALID = enum.auto()
    NAME_INVALID = enum.auto()
    MASK_INVALID = enum.auto()
    FILTER_INVALID = enum.auto()
    ORDER_INVALID = enum.auto()
    PAGE_TOKEN_INVALID = enum.auto()
    RESUME_TOKEN_INVALID = enum.auto()
    RESUME_TOKEN_EXPIRED = enum.auto()
    REQUEST_ID_REUSED = enum.auto()
    HELLO_EXPECTED = enum.auto()
    RESOURCE_NOT_FOUND = enum.auto()
    RESOURCE_EXISTS = enum.auto()
    ETAG_MISMATCH = enum.auto()
    STATE_INVALID = enum.auto()
    LIMIT_EXCEEDED = enum.auto()
    DRAINING = enum.auto()
    DEPENDENCY_UNAVAILABLE = enum.auto()
    INTERNAL = enum.auto()
    STORAGE_UNAVAILABLE = enum.auto()
    DEADLINE_EXCEEDED = enum.auto()
    BLOB_MISSING = enum.auto()
    DIGEST_MISMATCH = enum.auto()
    TREE_INVALID = enum.auto()
    LEASE_LOST = enum.auto()
    SEQUENCE_MISMATCH = enum.auto()
    NOTHING_TO_REPAIR = enum.auto()
    PATCH_MISMATCH = enum.auto()
    TEMPLATE_INVALID = enum.auto()
    VARIABLE_INVALID = enum.auto()
    RENDER_FAILED = enum.auto()
    RENDER_LIMIT = enum.auto()
    SOURCE_UNREADABLE = enum.auto()
    EVENT_CONFLICT = enum.auto()
    LOG_RANGE = enum.auto()
    LOG_DAMAGED = enum.auto()


@dataclass(frozen=True)
class Violation:
    """A field of the request that breaks a rule: its path and what was expected."""

    field: str
    description: str


class ServiceError(Exception):
    """A refusal that its caller can act on.

    `metadata` holds every variable part of the message under the keys that the contract documents for the reason.
    `retry_after` is in seconds.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        violations: Sequence[Violation] = (),
        retry_after: float | None = None,
        **metadata: str,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.violations = tuple(violations)
        self.retry_after = retry_after
        self.metadata = metadata


def not_found(name: str) -> ServiceError:
    """No such resource, or none that the caller may see."""
    return ServiceError(Reason.RESOURCE_NOT_FOUND, f"{name} does not exist", name=name)


def invalid_field(field: str, description: str, reason: Reason = Reason.FIELD_INVALID, **metadata: str) -> ServiceError:
    """A request field that breaks a rule; names the field in a BadRequest."""
    error = ServiceError(reason, f"{field}: {description}", violations=[Violation(field, description)], field=field)
    error.metadata.update(metadata)
    return error


def wrong_state(name: str, state: str, verb: str) -> ServiceError:
    """A verb that the resource's state does not allow."""
    message = f"{name} is {state}: cannot {verb} it"
    return ServiceError(Reason.STATE_INVALID, message, name=name, state=state, verb=verb)


def draining() -> ServiceError:
    """The server goes; the caller comes back with its token."""
    return ServiceError(Reason.DRAINING, "the server is draining; call again", retry_after=0.2)
