"""Domain objects as JSON documents, by their type hints: what is stored of them whole."""

import dataclasses
import enum
import functools
import json
import types
import typing
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")


def dump(value: object) -> str:
    """The document of a dataclass; fields that have their default are left out."""
    return json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False)


def parse(cls: type[T], document: str | bytes) -> T:
    """The dataclass that a document stands for; fields that an older document lacks have their default."""
    return typing.cast("T", _typed(cls, json.loads(document)))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {field.name: _plain(one) for field, one in named if one != field.default}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, enum.IntEnum):
        return int(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    return value


def _typed(hint: Any, value: Any) -> Any:
    if isinstance(hint, types.UnionType):
        return None if value is None else _typed(typing.get_args(hint)[0], value)
    if typing.get_origin(hint) is tuple:
        return tuple(_typed(typing.get_args(hint)[0], one) for one in value)
    if dataclasses.is_dataclass(hint):
        hints = _hints(typing.cast("type", hint))
        return hint(**{name: _typed(hints[name], one) for name, one in value.items()})  # type: ignore[operator]
    if hint is datetime:
        return datetime.fromisoformat(value)
    if hint is timedelta:
        return timedelta(microseconds=value)
    return hint(value)


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)
