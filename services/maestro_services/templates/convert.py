"""Messages to and from the domain, pure."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from google.protobuf import timestamp_pb2
from maestro.common.v1 import actor_pb2, digest_pb2
from maestro.templates.v1 import template_pb2, template_service_pb2

from maestro_services.runtime.errors import invalid_field
from maestro_services.runtime.names import NamePattern
from maestro_services.templates.domain.files import TreeDigest
from maestro_services.templates.domain.rendering import Rendering
from maestro_services.templates.domain.semver import SemanticVersion
from maestro_services.templates.domain.template import (
    BuiltIn,
    GitSource,
    Source,
    State,
    Template,
    TemplateVersion,
    Upload,
)
from maestro_services.templates.domain.variables import Value, Variable, VariableType

TEMPLATE = NamePattern("projects/{project}/templates/{template}")
VERSION = NamePattern("projects/{project}/templates/{template}/versions/{version}")

_TYPES = {
    VariableType.STRING: template_pb2.Variable.TYPE_STRING,
    VariableType.INTEGER: template_pb2.Variable.TYPE_INTEGER,
    VariableType.BOOLEAN: template_pb2.Variable.TYPE_BOOLEAN,
    VariableType.CHOICE: template_pb2.Variable.TYPE_CHOICE,
    VariableType.STRING_LIST: template_pb2.Variable.TYPE_STRING_LIST,
}
_STATES = {State.PUBLISHED: template_pb2.TemplateVersion.STATE_PUBLISHED}


def semantic_version(text: str, field: str) -> SemanticVersion | None:
    """The version that a request names; None if it names none."""
    try:
        return SemanticVersion.parse(text) if text else None
    except ValueError as error:
        raise invalid_field(field, str(error)) from None


def value(message: template_pb2.VariableValue) -> Value:
    """The value in a message."""
    match message.WhichOneof("kind"):
        case "integer_value":
            return message.integer_value
        case "boolean_value":
            return message.boolean_value
        case "list_value":
            return tuple(message.list_value.values)
        case _:
            return message.string_value


def values(messages: Mapping[str, template_pb2.VariableValue]) -> dict[str, Value]:
    """Values by name of variable."""
    return {name: value(message) for name, message in messages.items()}


def value_message(given: Value) -> template_pb2.VariableValue:
    """The message of a value."""
    match given:
        case bool():
            return template_pb2.VariableValue(boolean_value=given)
        case int():
            return template_pb2.VariableValue(integer_value=given)
        case str():
            return template_pb2.VariableValue(string_value=given)
        case _:
            return template_pb2.VariableValue(list_value=template_pb2.StringList(values=given))


def variable_message(variable: Variable) -> template_pb2.Variable:
    """The message of a variable."""
    return template_pb2.Variable(
        name=variable.name,
        type=_TYPES[variable.type],
        description=variable.description,
        default_value=None if variable.default is None else value_message(variable.default),
        required=variable.required,
        pattern=variable.pattern,
        minimum=variable.minimum,
        maximum=variable.maximum,
        choices=variable.choices,
    )


def template_message(template: Template, project: str) -> template_pb2.Template:
    """The message of a template as a project sees it."""
    name = TEMPLATE.format(project=project, template=template.template)
    return template_pb2.Template(
        name=name,
        uid=template.uid,
        display_name=template.display_name,
        labels=template.labels,
        description=template.description,
        keywords=template.keywords,
        latest_version=f"{name}/versions/{template.latest_version}",
        version_count=template.version_count,
        built_in=template.built_in,
        etag=_etag(template.uid, str(template.version_count)),
        create_time=_timestamp(template.create_time),
        update_time=_timestamp(template.update_time),
    )


def version_name(version: TemplateVersion, project: str) -> str:
    """The name of a version as a project sees it."""
    return VERSION.format(project=project, template=version.template, version=str(version.manifest.version))


def version_message(version: TemplateVersion, project: str) -> template_pb2.TemplateVersion:
    """The message of a version as a project sees it."""
    creator = version.creator
    return template_pb2.TemplateVersion(
        name=version_name(version, project),
        uid=version.uid,
        display_name=version.manifest.display_name,
        labels=version.labels,
        description=version.manifest.description,
        keywords=version.manifest.keywords,
        variables=map(variable_message, version.manifest.variables),
        source=_source(version.source),
        digest=digest_message(version.digest),
        file_count=version.file_count,
        size_bytes=version.size_bytes,
        state=_STATES[version.state],
        built_in=version.built_in,
        creator=actor_pb2.Actor(
            kind=actor_pb2.Actor.Kind.ValueType(creator.kind),
            subject=creator.subject,
            display_name=creator.display_name,
        ),
        etag=_etag(version.uid, version.state.value),
        create_time=_timestamp(version.create_time),
    )


def summary(version: TemplateVersion, project: str, rendering: Rendering) -> template_service_pb2.RenderSummary:
    """The message of what was rendered."""
    return template_service_pb2.RenderSummary(
        template_version=version_name(version, project),
        variables={name: value_message(used) for name, used in rendering.values.items()},
        file_count=rendering.file_count,
        size_bytes=rendering.size_bytes,
        digest=digest_message(rendering.digest),
    )


def git_source(message: template_pb2.GitSource) -> GitSource:
    """The source that an import names."""
    return GitSource(message.url, message.path.strip("/"), message.revision)


def digest_message(digest: TreeDigest) -> digest_pb2.Digest:
    """The message of a content address."""
    return digest_pb2.Digest(sha256=digest.sha256, size_bytes=digest.size_bytes)


def _source(source: Source) -> template_pb2.Source:
    match source:
        case GitSource():
            git = template_pb2.GitSource(
                url=source.url, path=source.path, revision=source.revision, commit=source.commit
            )
            return template_pb2.Source(git=git)
        case Upload():
            return template_pb2.Source(upload=template_pb2.UploadSource())
        case BuiltIn():
            return template_pb2.Source(built_in=template_pb2.BuiltInSource())


def _etag(*parts: str) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def _timestamp(time: datetime) -> timestamp_pb2.Timestamp:
    message = timestamp_pb2.Timestamp()
    message.FromDatetime(time)
    return message
