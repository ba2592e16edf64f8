"""Page sizes and field masks."""

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from maestro.common.v1 import actor_pb2
from maestro.registry.v1 import instance_pb2, token_pb2
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.masks import read_mask, update_mask
from maestro_services.runtime.pages import page_size

TOKEN = token_pb2.Token(
    name="projects/p/tokens/t", display_name="ci", creator=actor_pb2.Actor(subject="ann", display_name="Ann")
)


@pytest.mark.parametrize(("requested", "size"), [(0, 50), (1, 1), (500, 500), (501, 500)])
def test_a_page_has_the_default_size_or_the_asked_one_up_to_the_maximum(requested, size):
    assert page_size(requested, 50, 500) == size


def test_a_negative_page_size_is_refused():
    with pytest.raises(ServiceError) as caught:
        page_size(-1, 50, 500)
    assert caught.value.violations[0].field == "page_size"


@pytest.mark.parametrize("paths", [[], ["*"]])
def test_no_mask_reads_everything(paths):
    assert read_mask(TOKEN, FieldMask(paths=paths)) == TOKEN


def test_a_mask_reads_only_its_fields_down_to_the_parts_of_messages():
    masked = read_mask(TOKEN, FieldMask(paths=["name", "creator.subject", "expire_time.seconds"]))
    assert masked == token_pb2.Token(name=TOKEN.name, creator=actor_pb2.Actor(subject="ann"))


@pytest.mark.parametrize("path", ["", "nothing", "name.first", "creator.", "creator.nothing", "Name", "name,uid"])
def test_a_mask_of_what_there_is_not_is_refused(path):
    with pytest.raises(ServiceError) as caught:
        read_mask(TOKEN, FieldMask(paths=["name", path]))
    assert caught.value.reason is Reason.MASK_INVALID
    assert caught.value.metadata == {"field": "read_mask", "path": path}


def test_a_map_is_read_whole_or_not_at_all():
    instance = instance_pb2.Instance(labels={"zone": "a"})
    assert read_mask(instance, FieldMask(paths=["labels"])) == instance
    with pytest.raises(ServiceError):
        read_mask(instance, FieldMask(paths=["labels.zone"]))


def test_an_update_replaces_what_its_mask_names_and_nothing_else():
    target = instance_pb2.Instance(name="n", address="a:1", version="1", labels={"old": "1"})
    source = instance_pb2.Instance(address="b:2", version="2", labels={"new": "1"})
    update_mask(target, source, FieldMask(paths=["labels", "version"]), {"labels", "version"})
    assert target == instance_pb2.Instance(name="n", address="a:1", version="2", labels={"new": "1"})


@pytest.mark.parametrize("paths", [[], ["*"]])
def test_an_update_without_a_mask_replaces_everything_that_may_change(paths):
    target = instance_pb2.Instance(name="n", version="1", labels={"old": "1"})
    update_mask(target, instance_pb2.Instance(name="x"), FieldMask(paths=paths), {"labels", "version"})
    assert target == instance_pb2.Instance(name="n")


def test_an_update_of_what_may_not_change_is_refused():
    with pytest.raises(ServiceError) as caught:
        update_mask(instance_pb2.Instance(), instance_pb2.Instance(), FieldMask(paths=["uid"]), {"labels"})
    assert caught.value.reason is Reason.MASK_INVALID
