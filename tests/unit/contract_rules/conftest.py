"""The contract as its compiler sees it, comments included."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import pytest
from google.api import field_behavior_pb2, resource_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    MethodOptions,
    ServiceDescriptorProto,
)
from maestro.common.v1 import authorization_pb2

ROOT = Path(__file__).parents[3]
READS = MethodOptions.NO_SIDE_EFFECTS


@dataclass(frozen=True)
class Method:
    """An RPC, its comment and its messages."""

    service: ServiceDescriptorProto
    proto: MethodDescriptorProto
    package: str
    comment: str
    request: DescriptorProto
    response: DescriptorProto

    def __str__(self) -> str:
        return f"{self.service.name}.{self.proto.name}"

    @property
    def area(self) -> str:
        return self.package.split(".")[1]

    @property
    def authorization(self) -> authorization_pb2.MethodAuthorization:
        return self.proto.options.Extensions[authorization_pb2.authorization]

    @property
    def reads(self) -> bool:
        return self.proto.options.idempotency_level == READS

    @property
    def request_fields(self) -> dict[str, FieldDescriptorProto]:
        return {field.name: field for field in self.request.field}

    @property
    def errors(self) -> list[tuple[str, str]]:
        """The documented errors: code and reason."""
        _, _, bullets = self.comment.partition("Errors:\n")
        return re.findall(r"^ - ([A-Z_]+)/([A-Z_]+): \S", bullets, re.MULTILINE)


@dataclass(frozen=True)
class Contract:
    """Everything under `proto/maestro`."""

    files: Sequence[FileDescriptorProto]

    @cached_property
    def methods(self) -> list[Method]:
        return [method for file in self.files for method in self._methods(file)]

    @cached_property
    def messages(self) -> dict[str, DescriptorProto]:
        return dict(pair for file in self.files for pair in _nested(f".{file.package}", file.message_type))

    @cached_property
    def resources(self) -> dict[str, DescriptorProto]:
        return {
            name: message
            for name, message in self.messages.items()
            if message.options.HasExtension(resource_pb2.resource)
        }

    @cached_property
    def enums(self) -> list[EnumDescriptorProto]:
        nested = [enum for message in self.messages.values() for enum in message.enum_type]
        return nested + [enum for file in self.files for enum in file.enum_type]

    def enum_comments(self, enum: str) -> dict[str, str]:
        """The comments of a top-level enum's values."""
        for file in self.files:
            for index, proto in enumerate(file.enum_type):
                if proto.name == enum:
                    texts = _comments(file)
                    return {value.name: texts.get((5, index, 2, at), "") for at, value in enumerate(proto.value)}
        raise KeyError(enum)

    def _methods(self, file: FileDescriptorProto) -> Iterator[Method]:
        texts = _comments(file)
        for at, service in enumerate(file.service):
            for index, method in enumerate(service.method):
                yield Method(
                    service=service,
                    proto=method,
                    package=file.package,
                    comment=texts.get((6, at, 2, index), ""),
                    request=self.messages[method.input_type],
                    response=self.messages[method.output_type],
                )


def behaviors(field: FieldDescriptorProto) -> Sequence[int]:
    """The field_behavior annotations of a field."""
    return field.options.Extensions[field_behavior_pb2.field_behavior]


def _nested(scope: str, messages: Sequence[DescriptorProto]) -> Iterator[tuple[str, DescriptorProto]]:
    for message in messages:
        yield f"{scope}.{message.name}", message
        yield from _nested(f"{scope}.{message.name}", message.nested_type)


def _comments(file: FileDescriptorProto) -> dict[tuple[int, ...], str]:
    return {tuple(place.path): place.leading_comments for place in file.source_code_info.location}


@pytest.fixture(scope="session")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    image = tmp_path_factory.mktemp("contract") / "image.binpb"
    sources = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto" / "maestro").rglob("*.proto"))
    includes = [f"-I{ROOT / 'proto'}", f"-I{files('grpc_tools') / '_proto'}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", *includes, "--include_source_info"]
    subprocess.run([*command, f"--descriptor_set_out={image}", *sources], check=True)
    return Contract(FileDescriptorSet.FromString(image.read_bytes()).file)
