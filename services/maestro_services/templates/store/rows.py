"""Domain objects to and from rows."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

from maestro_services.templates.domain.files import TreeDigest
from maestro_services.templates.domain.semver import SemanticVersion
from maestro_services.templates.domain.template import (
    BuiltIn,
    Creator,
    GitSource,
    Manifest,
    Source,
    State,
    Template,
    TemplateVersion,
    Upload,
)
from maestro_services.templates.domain.variables import Variable, VariableType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SOURCES: dict[str, type[Source]] = {"upload": Upload, "built_in": BuiltIn, "git": GitSource}


def microseconds(time: datetime) -> int:
    """A time as it is stored."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def _time(stored: int) -> datetime:
    return _EPOCH + timedelta(microseconds=stored)


def version_row(version: TemplateVersion) -> dict[str, Any]:
    """The row of a version."""
    return {
        "project": version.project,
        "template": version.template,
        "version": str(version.manifest.version),
        "sort_key": version.manifest.version.sort_key,
        "uid": version.uid,
        "manifest": _manifest_document(version.manifest),
        "source": _source_document(version.source),
        "creator": dataclasses.asdict(version.creator),
        "labels": dict(version.labels),
        "digest": version.digest.sha256,
        "digest_bytes": version.digest.size_bytes,
        "file_count": version.file_count,
        "size_bytes": version.size_bytes,
        "state": version.state.value,
        "create_time": microseconds(version.create_time),
    }


def version(row: Any) -> TemplateVersion:
    """The version in a row."""
    return TemplateVersion(
        project=row.project,
        template=row.template,
        uid=row.uid,
        manifest=_manifest(row.manifest),
        source=_source(row.source),
        digest=TreeDigest(row.digest, row.digest_bytes),
        file_count=row.file_count,
        size_bytes=row.size_bytes,
        creator=Creator(**row.creator),
        create_time=_time(row.create_time),
        labels=row.labels,
        state=State(row.state),
    )


def template(row: Any) -> Template:
    """The template in a row."""
    return Template(
        project=row.project,
        template=row.template,
        uid=row.uid,
        display_name=row.display_name,
        description=row.description,
        keywords=tuple(row.keywords),
        labels=row.labels,
        latest_version=SemanticVersion.parse(row.latest_version),
        version_count=row.version_count,
        create_time=_time(row.create_time),
        update_time=_time(row.update_time),
    )


def _manifest_document(manifest: Manifest) -> dict[str, Any]:
    variables = [dataclasses.asdict(one) | {"type": one.type.value} for one in manifest.variables]
    return dataclasses.asdict(manifest) | {"version": str(manifest.version), "variables": variables}


def _manifest(document: dict[str, Any]) -> Manifest:
    lists = {key: tuple(document[key]) for key in ("keywords", "copy_without_render", "exclude")}
    variables = tuple(map(_variable, document["variables"]))
    version = SemanticVersion.parse(document["version"])
    return Manifest(**document | lists | {"version": version, "variables": variables})


def _variable(document: dict[str, Any]) -> Variable:
    default = document["default"]
    return Variable(
        **document
        | {
            "type": VariableType(document["type"]),
            "choices": tuple(document["choices"]),
            "default": tuple(default) if isinstance(default, list) else default,
        }
    )


def _source_document(source: Source) -> dict[str, str]:
    kind = next(name for name, known in _SOURCES.items() if isinstance(source, known))
    return {"kind": kind, **dataclasses.asdict(source)}


def _source(document: dict[str, str]) -> Source:
    fields = {key: value for key, value in document.items() if key != "kind"}
    return _SOURCES[document["kind"]](**fields)
