"""What a rendering gives."""

from collections.abc import Mapping
from dataclasses import dataclass

from maestro_services.templates.domain.files import TreeDigest
from maestro_services.templates.domain.variables import Value


@dataclass(frozen=True)
class Piece:
    """A piece of a file of the new project; `path` is empty if it continues the piece before."""

    path: str
    executable: bool
    data: bytes


@dataclass(frozen=True)
class Rendering:
    """What was rendered: the values used, and the files' count, size and content address."""

    values: Mapping[str, Value]
    file_count: int
    size_bytes: int
    digest: TreeDigest
