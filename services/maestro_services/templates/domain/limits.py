"""Limits on what comes from outside."""

from dataclasses import dataclass

from maestro_services.runtime.errors import Reason, ServiceError


@dataclass(frozen=True)
class TemplateLimits:
    """How large a version may be."""

    files: int = 2_000
    size_bytes: int = 16 << 20


@dataclass(frozen=True)
class RenderLimits:
    """What one rendering may use. `fuel` counts the engine's instructions, for each file and name."""

    wall_seconds: float = 10.0
    cpu_seconds: int = 5
    memory_bytes: int = 384 << 20
    output_bytes: int = 64 << 20
    fuel: int = 2_000_000


@dataclass(frozen=True)
class FetchLimits:
    """What fetching a repository may use."""

    wall_seconds: float = 60.0
    cpu_seconds: int = 30
    memory_bytes: int = 1 << 30
    repository_bytes: int = 256 << 20


def limit_exceeded(limit: str, value: int) -> ServiceError:
    """Something is larger than it may be."""
    message = f"more than {value} {limit.replace('_', ' ')}"
    return ServiceError(Reason.LIMIT_EXCEEDED, message, limit=limit, value=str(value))


def render_limit(limit: str, value: float) -> ServiceError:
    """A rendering used more than it may."""
    message = f"the rendering was ended: its {limit.replace('_', ' ')} exceeded {value}"
    return ServiceError(Reason.RENDER_LIMIT, message, limit=limit, value=str(value))
