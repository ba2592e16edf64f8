"""Every message of the contract keeps the rules that make it predictable."""

import re

from google.api import field_behavior_pb2, resource_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

TIMESTAMP = ".google.protobuf.Timestamp"
DURATION = ".google.protobuf.Duration"
# Sizes that count things and not bytes: a page's, and a Merkle tree's in the words of RFC 6962.
COUNTED_SIZES = re.compile(r"\.page_size$|^maestro\.audit\.v1\..*_size$")
FLOATS = (FieldDescriptorProto.TYPE_DOUBLE, FieldDescriptorProto.TYPE_FLOAT)


def fields(contract):
    for name, message in contract.messages.items():
        for field in message.field:
            yield f"{name.removeprefix('.')}.{field.name}", field


def test_there_are_resources_and_all_have_a_pattern_and_both_names(contract):
    assert len(contract.resources) >= 8
    for name, message in contract.resources.items():
        resource = message.options.Extensions[resource_pb2.resource]
        assert resource.type == f"maestro.dev/{message.name}", name
        assert resource.pattern, name
        assert resource.singular, name
        assert resource.plural, name


def test_the_name_of_a_resource_stands_first_and_identifies_it(contract):
    for name, message in contract.resources.items():
        first = message.field[0]
        assert first.name == "name", name
        behaviors = first.options.Extensions[field_behavior_pb2.field_behavior]
        assert field_behavior_pb2.IDENTIFIER in behaviors, name


def test_every_field_of_a_resource_says_how_it_behaves(contract):
    silent = [
        f"{name}.{field.name}"
        for name, message in contract.resources.items()
        for field in message.field
        if not field.options.Extensions[field_behavior_pb2.field_behavior]
    ]
    assert silent == []


def test_the_state_of_a_resource_is_moved_by_verbs_only(contract):
    for name, message in contract.resources.items():
        for field in message.field:
            # An instance says its own state when it registers; that is what registering means.
            if field.name == "state" and not name.endswith(".Instance"):
                behaviors = field.options.Extensions[field_behavior_pb2.field_behavior]
                assert list(behaviors) == [field_behavior_pb2.OUTPUT_ONLY], name


def test_the_zero_of_every_enum_means_nothing(contract):
    for enum in contract.enums:
        prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper()
        assert (enum.value[0].number, enum.value[0].name) == (0, f"{prefix}_UNSPECIFIED"), enum.name


def test_times_and_spans_are_named_by_their_kind(contract):
    for name, field in fields(contract):
        if field.type_name == TIMESTAMP:
            assert field.name.endswith("_time"), name
        if field.name.endswith("_time"):
            assert field.type_name in (TIMESTAMP, DURATION), name
        if field.type_name == DURATION:
            assert not re.search(r"_(seconds|millis|ms)$", field.name), name


def test_no_span_or_size_is_a_bare_number(contract):
    for name, field in fields(contract):
        assert not (field.type in FLOATS and re.search(r"(second|time|duration|milli)", field.name)), name
        if not COUNTED_SIZES.search(name):
            assert not field.name.endswith(("_seconds", "_ms", "_millis", "_size")), name


def test_labels_are_maps(contract):
    for name, field in fields(contract):
        if field.name == "labels":
            assert field.type_name.endswith(".LabelsEntry"), name
