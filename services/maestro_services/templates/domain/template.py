"""Templates and their versions."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from maestro_services.templates.domain.files import TreeDigest
from maestro_services.templates.domain.semver import SemanticVersion
from maestro_services.templates.domain.variables import Variable

MANIFEST = "maestro-template.yaml"
BUILT_IN_PROJECT = ""
"""Owns the built-in templates; no resource name can name it."""


class State(enum.Enum):
    """Where a version is in its life."""

    PUBLISHED = "published"


@dataclass(frozen=True)
class Upload:
    """Files that a client sent."""


@dataclass(frozen=True)
class BuiltIn:
    """Files that came with the package."""


@dataclass(frozen=True)
class GitSource:
    """A directory of a Git repository; `commit` is empty until it was fetched."""

    url: str
    path: str = ""
    revision: str = ""
    commit: str = ""


Source = Upload | BuiltIn | GitSource


@dataclass(frozen=True)
class Manifest:
    """What a template says of itself.

    `root` is the directory of the files to render; empty: all but the manifest. With a `suffix` only files that have it
    are rendered, and lose it; the others are copied.
    """

    display_name: str
    version: SemanticVersion
    description: str = ""
    keywords: tuple[str, ...] = ()
    root: str = ""
    suffix: str = ""
    copy_without_render: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    variables: tuple[Variable, ...] = ()


@dataclass(frozen=True)
class Creator:
    """Who created a version: the kind of principal, its subject and its name for people."""

    kind: int = 0
    subject: str = ""
    display_name: str = ""


@dataclass(frozen=True)
class TemplateVersion:
    """An immutable version. Its id is `manifest.version`."""

    project: str
    template: str
    uid: str
    manifest: Manifest
    source: Source
    digest: TreeDigest
    file_count: int
    size_bytes: int
    creator: Creator
    create_time: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    state: State = State.PUBLISHED

    @property
    def built_in(self) -> bool:
        """It came with the package and stands in every project."""
        return self.project == BUILT_IN_PROJECT


@dataclass(frozen=True)
class Template:
    """A line of versions, and what the latest of them says of it."""

    project: str
    template: str
    uid: str
    display_name: str
    description: str
    keywords: tuple[str, ...]
    labels: Mapping[str, str]
    latest_version: SemanticVersion
    version_count: int
    create_time: datetime
    update_time: datetime

    @property
    def built_in(self) -> bool:
        """It came with the package and stands in every project."""
        return self.project == BUILT_IN_PROJECT
