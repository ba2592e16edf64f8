"""ExecutionService: create, get, list, cancel."""

import uuid

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import artifact_pb2, execution_service_pb2, run_pb2
from maestro_client import errors

from tests.contract.execution.messages import PROJECT, digest_of, run_request, tree_blobs

pb = execution_service_pb2


async def test_a_created_run_is_queued_and_can_be_read(maestro, create_run):
    run = await create_run(labels={"branch": "main"})

    assert run.state == run_pb2.Run.STATE_QUEUED
    assert run.creator.subject == "local"
    assert (await maestro.execution.get_run(pb.GetRunRequest(name=run.name))).run == run


async def test_the_same_request_id_answers_the_first_run(maestro, root):
    request = run_request(root, request_id=str(uuid.uuid4()))

    first = await maestro.execution.create_run(request)

    assert await maestro.execution.create_run(request) == first
    request.run.display_name = "other"
    with pytest.raises(errors.AlreadyExists) as caught:
        await maestro.execution.create_run(request)
    assert caught.value.reason == "REQUEST_ID_REUSED"


async def test_validate_only_creates_nothing(maestro, root):
    answer = await maestro.execution.create_run(run_request(root, validate_only=True))

    assert (answer.run.state, answer.run.name) == (run_pb2.Run.STATE_QUEUED, "")
    assert not (await maestro.execution.list_runs(pb.ListRunsRequest(parent=PROJECT))).runs


async def test_a_tree_with_missing_blobs_is_refused_with_the_first_of_them(maestro, upload):
    root, blobs = tree_blobs()
    await upload(blobs[2], blobs[1])

    with pytest.raises(errors.BlobMissing) as caught:
        await maestro.execution.create_run(run_request(root))

    assert caught.value.metadata == {"digest": digest_of(blobs[0]).sha256, "count": "1"}


@pytest.mark.parametrize(
    ("directory", "rule"),
    [
        ({"files": [("../evil", b"x")]}, "'/'"),
        ({"files": [("..", b"x")]}, "'..'"),
        ({"files": [("/etc", b"x")]}, "'/'"),
        ({"files": [("README", b"x"), ("readme", b"x")]}, "differs only in case"),
        ({"files": [("b", b"x"), ("a", b"x")]}, "not sorted"),
        ({"files": [("a", b"x"), ("a", b"x")]}, "twice"),
        ({"symlinks": [("out", "../secret")]}, "leaves the tree"),
        ({"symlinks": [("out", "/etc/passwd")]}, "absolute"),
    ],
)
async def test_a_tree_that_breaks_a_rule_is_refused_with_the_rule(maestro, upload, directory, rule):
    files = [artifact_pb2.FileNode(name=name, digest=digest_of(data)) for name, data in directory.get("files", ())]
    links = [artifact_pb2.SymlinkNode(name=name, target=target) for name, target in directory.get("symlinks", ())]
    encoded = artifact_pb2.Directory(files=files, symlinks=links).SerializeToString()
    await upload(b"x", encoded)

    with pytest.raises(errors.InvalidArgument) as caught:
        await maestro.execution.create_run(run_request(digest_of(encoded)))

    assert caught.value.reason == "TREE_INVALID"
    assert rule in caught.value.metadata["rule"]


@pytest.mark.parametrize("encoded", [b"\xff\xff\xff", b"\x7a\x01x"])
async def test_a_directory_that_is_not_canonical_is_refused(maestro, upload, encoded):
    await upload(encoded)

    with pytest.raises(errors.InvalidArgument) as caught:
        await maestro.execution.create_run(run_request(digest_of(encoded)))

    assert caught.value.reason == "TREE_INVALID"


async def test_a_working_directory_outside_the_tree_is_refused(maestro, root):
    request = run_request(root)
    request.run.spec.working_directory = "../other"

    with pytest.raises(errors.InvalidArgument) as caught:
        await maestro.execution.create_run(request)

    assert caught.value.metadata["field"] == "run.spec.working_directory"


async def test_a_request_that_breaks_a_rule_names_its_field(maestro):
    with pytest.raises(errors.InvalidArgument) as caught:
        await maestro.execution.create_run(pb.CreateRunRequest(parent=PROJECT))

    assert caught.value.reason == "FIELD_INVALID"
    assert [violation.subject for violation in caught.value.violations] == ["run"]


async def test_too_many_queued_runs_are_refused(create_run, settings):
    for _ in range(settings.max_queued_runs):
        await create_run()

    with pytest.raises(errors.ResourceExhausted) as caught:
        await create_run()

    assert caught.value.metadata == {"limit": "queued_runs", "value": "5"}


async def test_blobs_of_another_project_do_not_count(maestro, root):
    with pytest.raises(errors.BlobMissing):
        await maestro.execution.create_run(run_request(root, parent="projects/other"))


async def test_an_unknown_run_is_not_found(maestro):
    name = f"{PROJECT}/runs/nothing"
    calls = [
        maestro.execution.get_run(pb.GetRunRequest(name=name)),
        maestro.execution.cancel_run(pb.CancelRunRequest(name=name)),
        anext(maestro.execution.watch_run(pb.WatchRunRequest(name=name))),
    ]
    for call in calls:
        with pytest.raises(errors.NotFound) as caught:
            await call
        assert caught.value.metadata == {"name": name}


async def test_a_read_mask_picks_fields(maestro, create_run):
    run = await create_run()

    masked = await maestro.execution.get_run(pb.GetRunRequest(name=run.name, read_mask=FieldMask(paths=["state"])))

    assert masked.run == run_pb2.Run(state=run_pb2.Run.STATE_QUEUED)
    with pytest.raises(errors.InvalidArgument) as caught:
        await maestro.execution.get_run(pb.GetRunRequest(name=run.name, read_mask=FieldMask(paths=["nothing"])))
    assert caught.value.reason == "MASK_INVALID"


async def test_pages_of_runs_are_complete_and_newest_first(maestro, create_run):
    names = [(await create_run()).name for _ in range(5)]
    listed, token = [], ""
    while True:
        page = await maestro.execution.list_runs(pb.ListRunsRequest(parent=PROJECT, page_size=2, page_token=token))
        listed += [run.name for run in page.runs]
        token = page.next_page_token
        if not token:
            break

    assert sorted(listed, reverse=True) == listed
    assert sorted(listed) == sorted(names)


async def test_a_page_token_of_another_list_is_refused(maestro, create_run):
    for _ in range(2):
        await create_run()
    page = await maestro.execution.list_runs(pb.ListRunsRequest(parent=PROJECT, page_size=1))

    with pytest.raises(errors.InvalidArgument) as caught:
        await maestro.execution.list_runs(
            pb.ListRunsRequest(parent=PROJECT, filter="state = QUEUED", page_token=page.next_page_token)
        )

    assert caught.value.reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("state = QUEUED", 2),
        ("state != QUEUED", 0),
        ("labels.branch = main", 1),
        ("labels.branch != main", 1),
        ("labels.branch:*", 1),
        ('display_name:"first"', 1),
        ('create_time > "2020-01-01T00:00:00Z" AND NOT labels.branch:*', 1),
        ("verdict = FAILED OR labels.branch:*", 1),
    ],
)
async def test_filters_of_runs(maestro, create_run, text, found):
    await create_run(display_name="the first", labels={"branch": "main"})
    await create_run(display_name="second")

    page = await maestro.execution.list_runs(pb.ListRunsRequest(parent=PROJECT, filter=text))

    assert len(page.runs) == found


@pytest.mark.parametrize("text", ["state > QUEUED", "state = NONE", "nothing = 1", "create_time > noon", "state ="])
async def test_a_filter_that_is_not_allowed_is_refused(maestro, text):
    with pytest.raises(errors.InvalidArgument) as caught:
        await maestro.execution.list_runs(pb.ListRunsRequest(parent=PROJECT, filter=text))

    assert caught.value.reason == "FILTER_INVALID"


async def test_a_queued_run_is_cancelled_at_once_and_only_once(maestro, create_run):
    run = await create_run()

    cancelled = (await maestro.execution.cancel_run(pb.CancelRunRequest(name=run.name, reason="not needed"))).run

    assert cancelled.state == run_pb2.Run.STATE_FINALIZED
    assert cancelled.verdict == test_result_pb2.VERDICT_CANCELLED
    assert cancelled.cause == test_result_pb2.CAUSE_CANCELLED
    assert "not needed" in cancelled.status_message
    with pytest.raises(errors.FailedPrecondition) as caught:
        await maestro.execution.cancel_run(pb.CancelRunRequest(name=run.name))
    assert caught.value.metadata == {"name": run.name, "state": "FINALIZED", "verb": "cancel"}


async def test_a_repeated_cancel_request_answers_the_first_time(maestro, create_run):
    request = pb.CancelRunRequest(name=(await create_run()).name, request_id=str(uuid.uuid4()))

    first = await maestro.execution.cancel_run(request)

    assert await maestro.execution.cancel_run(request) == first
    request.reason = "another"
    with pytest.raises(errors.AlreadyExists):
        await maestro.execution.cancel_run(request)
