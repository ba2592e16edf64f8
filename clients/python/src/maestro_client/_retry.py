"""The retry policy of a channel, made from the contract: what may be called twice is called again."""

import json
from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import FileDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

# Per-method timeouts and hedging in a service config do not work in Python: deadlines are set on each call.
_RETRY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 3,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
_THROTTLING = {"maxTokens": 40, "tokenRatio": 0.5}


def is_repeatable(method: MethodDescriptor) -> bool:
    """Tell whether a call may be repeated: the contract says so, or a request id makes a repeat harmless.

    Calls that stream requests are left out: what was sent is gone, only the caller can repeat it.
    """
    if method.client_streaming:
        return False
    level = method.GetOptions().idempotency_level
    return level != MethodOptions.IDEMPOTENCY_UNKNOWN or "request_id" in method.input_type.fields_by_name


def retry_policy(files: Iterable[FileDescriptor]) -> dict[str, Any]:
    """Return the service config that retries the repeatable methods of these files' services."""
    names = [
        {"service": method.containing_service.full_name, "method": method.name}
        for file in files
        for service in _services(file)
        for method in service.methods
        if is_repeatable(method)
    ]
    if not names:
        return {}
    return {"methodConfig": [{"name": names, "retryPolicy": _RETRY}], "retryThrottling": _THROTTLING}


def service_config(files: Iterable[FileDescriptor]) -> str:
    """Return the JSON that a channel takes: the retry policy, and calls spread over all addresses."""
    return json.dumps({"loadBalancingConfig": [{"round_robin": {}}], **retry_policy(files)})


def _services(file: FileDescriptor) -> list[ServiceDescriptor]:
    return list(file.services_by_name.values())
