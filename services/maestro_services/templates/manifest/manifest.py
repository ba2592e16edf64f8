"""Reads a whole manifest."""

from maestro_services.templates.domain.paths import path_fault
from maestro_services.templates.domain.semver import SemanticVersion
from maestro_services.templates.domain.template import MANIFEST, Manifest
from maestro_services.templates.manifest.document import compose, find
from maestro_services.templates.manifest.faults import Fault, invalid
from maestro_services.templates.manifest.reader import Reader
from maestro_services.templates.manifest.variables import read_variables

_NO_VERSION = SemanticVersion(0, 0, 0)


def parse_manifest(content: bytes, version: SemanticVersion | None = None) -> Manifest:
    """The manifest, or TEMPLATE_INVALID with every fault in it.

    `version` is what the caller calls the version; the manifest may leave it out then, and must not contradict it.
    """
    faults: list[Fault] = []
    reader = Reader(compose(content, MANIFEST), "", faults)
    manifest = Manifest(
        display_name=reader.text("display_name", longest=200),
        version=_version(reader, version),
        description=reader.text("description", longest=10_000),
        keywords=reader.texts("keywords", longest=64, most=50),
        root=reader.parsed("root", _directory, "", longest=1000),
        suffix=reader.parsed("suffix", _suffix, "", longest=32),
        copy_without_render=reader.texts("copy_without_render", longest=1000, most=200),
        exclude=reader.texts("exclude", longest=1000, most=200),
        variables=read_variables(reader),
    )
    reader.require("display_name")
    reader.finish()
    if faults:
        raise invalid(MANIFEST, sorted(faults, key=lambda fault: (fault.place.line, fault.place.column)))
    return manifest


def _version(reader: Reader, named: SemanticVersion | None) -> SemanticVersion:
    stated = reader.parsed("version", SemanticVersion.parse, named or _NO_VERSION, longest=200)
    node = reader.node_of("version")
    if named is None:
        reader.require("version")
    elif stated != named and node is not None:
        reader.fault(node, "version", f"{named}, which the request names")
    return stated


def _directory(text: str) -> str:
    path = text.rstrip("/")
    if fault := path_fault(path):
        raise ValueError(f"a directory of the template: {fault}")
    return path


def _suffix(text: str) -> str:
    if not text.startswith(".") or "/" in text or path_fault(f"file{text}"):
        raise ValueError("an ending of file names, such as .jinja")
    return text


def variable_fault(content: bytes, variable: str, key: str, detail: str) -> Fault:
    """The fault of a variable's pattern or default that shows only when it is compiled, with its place."""
    node = find(compose(content, MANIFEST), "variables", variable, key)
    return Fault(node.place, f"variables.{variable}.{key}", f"expected a valid {key}: {detail}")
