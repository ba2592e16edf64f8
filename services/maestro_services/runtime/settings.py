"""Settings: `MAESTRO_*` environment variables over a TOML file over defaults, into one frozen dataclass a service."""

import dataclasses
import os
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

S = TypeVar("S")

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


class SettingsError(Exception):
    """A setting that cannot be used; the message names it and says what it takes."""


def load(cls: type[S], section: str, environ: Mapping[str, str] = os.environ, file: Path | None = None) -> S:
    """The settings of a section.

    `MAESTRO_<SECTION>_<FIELD>` wins over `[section] field` of the file (by default the one that `MAESTRO_CONFIG`
    names), which wins over the default. An unknown or bad value ends the start with a SettingsError.
    """
    file = file or (Path(environ["MAESTRO_CONFIG"]) if environ.get("MAESTRO_CONFIG") else None)
    hints = typing.get_type_hints(cls)
    known = {field.name for field in dataclasses.fields(typing.cast("Any", cls))}
    values = _from_file(file, section) | _from_environment(environ, section)
    for name, (origin, _value) in values.items():
        if name not in known:
            raise SettingsError(f"{origin} is not a setting; there are {', '.join(sorted(known))}")
    return cls(**{name: _convert(origin, value, hints[name]) for name, (origin, value) in values.items()})


def _from_environment(environ: Mapping[str, str], section: str) -> dict[str, tuple[str, Any]]:
    prefix = f"MAESTRO_{section.upper()}_"
    return {name[len(prefix) :].lower(): (name, value) for name, value in environ.items() if name.startswith(prefix)}


def _from_file(file: Path | None, section: str) -> dict[str, tuple[str, Any]]:
    if file is None:
        return {}
    try:
        document = tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    table = document.get(section, {})
    if not isinstance(table, dict):
        raise SettingsError(f"{file}: {section} must be a table")
    return {name: (f"{file}: {section}.{name}", value) for name, value in table.items()}


def _convert(origin: str, value: Any, hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    try:
        return _parse(value, hint)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{origin} must be {getattr(hint, '__name__', hint)}, not {value!r}") from error


def _parse(value: Any, hint: Any) -> Any:
    if hint is bool:
        word = str(value).lower()
        if word not in _TRUE | _FALSE:
            raise ValueError(word)
        return word in _TRUE
    if typing.get_origin(hint) is tuple:
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(part.strip() for part in parts if part.strip())
    return hint(value)
