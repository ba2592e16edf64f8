"""Field masks, as AIP-134 and AIP-161 have them."""

from collections.abc import Collection
from typing import Any, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from maestro_services.runtime.errors import Reason, ServiceError, invalid_field

M = TypeVar("M", bound=Message)


def _invalid(field: str, path: str) -> ServiceError:
    return invalid_field(field, f"{path!r} is not a field that may be named here", Reason.MASK_INVALID, path=path)


def _known(descriptor: Any, path: str) -> bool:
    current = descriptor
    for part in path.split("."):
        field = current.fields_by_name.get(part) if current is not None else None
        if field is None:
            return False
        current = None if field.is_repeated else field.message_type
    return True


def read_mask(message: M, mask: FieldMask, field: str = "read_mask") -> M:
    """A copy of the message with the masked fields only; the message itself for an empty mask or `*`."""
    if not mask.paths or list(mask.paths) == ["*"]:
        return message
    for path in mask.paths:
        if not _known(message.DESCRIPTOR, path):
            raise _invalid(field, path)
    masked = type(message)()
    mask.MergeMessage(message, masked)
    return masked


def update_mask(target: M, source: M, mask: FieldMask, allowed: Collection[str], field: str = "update_mask") -> None:
    """Replaces in `target` the fields that the mask names by those of `source`; `*` or empty means all allowed."""
    paths = sorted(allowed) if not mask.paths or list(mask.paths) == ["*"] else list(mask.paths)
    for path in paths:
        if path not in allowed:
            raise _invalid(field, path)
    FieldMask(paths=paths).MergeMessage(source, target, True, True)
