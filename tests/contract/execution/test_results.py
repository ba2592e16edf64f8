"""ResultsService: cases, actions, output, reports."""

import pytest
from junitparser import JUnitXml
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import execution_service_pb2, run_pb2
from maestro.execution.v1 import results_service_pb2 as pb
from maestro_client import errors

from tests.contract.execution.messages import collected, ended, finished, printed

FAILURE = test_result_pb2.Failure(
    message="assert 1 == 2 <&> \x00\x1b[31m", exception_type="AssertionError", stack_trace="E  1 == 2\r\n", phase="call"
)


@pytest.fixture
def report(create_run, workers):
    """Has a worker report a whole run of these events."""

    async def call(*events, verdict: str = "PASSED") -> run_pb2.Run:
        run = await create_run()
        worker = workers()
        await worker.connect()
        lease = (await worker.assigned()).lease
        worker.report(lease, 1, *events, ended(verdict))
        await worker.acknowledged(len(events) + 1)
        await worker.cut()
        return run

    return call


@pytest.fixture
async def run(report) -> run_pb2.Run:
    names = ["test_a.py::test_pass", "test_a.py::test_fail", "test_b.py::test_skip", "test_b.py::test_error"]
    return await report(
        collected(*names, "test_b.py::test_never"),
        printed(b"outside\n"),
        printed(b"inside \xff\n", names[0]),
        printed(b"oops\n", names[0], stream=2),
        printed(b"more\n", names[0]),
        finished(names[0]),
        finished(names[1], "FAIL", failures=[FAILURE], cause=1),
        finished(names[2], "SKIP", reason="not here"),
        finished(names[3], "ERROR", failures=[FAILURE, FAILURE], cause=2),
    )


async def listed(maestro, run: run_pb2.Run, **fields):
    request = pb.ListTestCasesRequest(parent=run.name, **fields)
    return await maestro.results.list_test_cases(request)


async def read(maestro, name: str, **fields) -> list[pb.ReadLogResponse]:
    return [piece async for piece in maestro.results.read_log(pb.ReadLogRequest(name=name, **fields))]


async def test_a_test_is_read_by_its_name(maestro, run):
    page = await listed(maestro, run)

    for test in page.test_cases:
        answer = await maestro.results.get_test_case(pb.GetTestCaseRequest(name=test.name))
        assert answer.test_case == test
    with pytest.raises(errors.NotFound) as caught:
        await maestro.results.get_test_case(pb.GetTestCaseRequest(name=f"{run.name}/testCases/nothing"))
    assert caught.value.metadata == {"name": f"{run.name}/testCases/nothing"}


async def test_pages_of_tests_are_complete_and_in_order(maestro, run):
    names, token = [], ""
    while True:
        page = await listed(maestro, run, page_size=2, page_token=token)
        names += [test.case_name for test in page.test_cases]
        token = page.next_page_token
        if not token:
            break

    assert names == ["test_pass", "test_fail", "test_skip", "test_error", "test_never"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("outcome = FAIL", ["test_fail"]),
        ("outcome = FAIL OR outcome = ERROR", ["test_fail", "test_error"]),
        ("disposition = NOT_STARTED", ["test_never"]),
        ("cause = ASSERTION", ["test_fail"]),
        ('file = "test_b.py" AND NOT outcome = SKIP', ["test_error", "test_never"]),
        ("test_id:pass", ["test_pass"]),
        ("case_name != test_pass AND duration > 0.001s", ["test_fail", "test_skip", "test_error"]),
    ],
)
async def test_filters_of_tests(maestro, run, text, found):
    page = await listed(maestro, run, filter=text)

    assert [test.case_name for test in page.test_cases] == found


@pytest.mark.parametrize("text", ["outcome > FAIL", "duration > 1m", "nothing = 1", "outcome ="])
async def test_a_filter_that_is_not_allowed_is_refused(maestro, run, text):
    with pytest.raises(errors.InvalidArgument) as caught:
        await listed(maestro, run, filter=text)

    assert caught.value.reason == "FILTER_INVALID"


async def test_a_page_token_of_another_list_is_refused(maestro, run):
    token = (await listed(maestro, run, page_size=1)).next_page_token

    with pytest.raises(errors.InvalidArgument) as caught:
        await listed(maestro, run, filter="outcome = FAIL", page_token=token)

    assert caught.value.reason == "PAGE_TOKEN_INVALID"


async def test_nothing_of_an_unknown_run_is_found(maestro):
    name = "projects/demo/runs/nothing"
    calls = [
        maestro.results.list_test_cases(pb.ListTestCasesRequest(parent=name)),
        maestro.results.list_actions(pb.ListActionsRequest(parent=name)),
        anext(maestro.results.read_log(pb.ReadLogRequest(name=name))),
        anext(maestro.results.export_run(pb.ExportRunRequest(name=name, format=pb.ExportRunRequest.FORMAT_JUNIT_XML))),
    ]
    for call in calls:
        with pytest.raises(errors.NotFound):
            await call


async def test_output_is_kept_byte_for_byte_by_source_and_stream(maestro, run):
    test = (await listed(maestro, run, filter="outcome = PASS")).test_cases[0].name

    assert b"".join(piece.data for piece in await read(maestro, run.name)) == b"outside\n"
    assert [(p.offset, p.stream, p.data) for p in await read(maestro, test)] == [
        (0, pb.LOG_STREAM_STDOUT, b"inside \xff\n"),
        (9, pb.LOG_STREAM_STDERR, b"oops\n"),
        (14, pb.LOG_STREAM_STDOUT, b"more\n"),
    ]
    assert [(p.offset, p.data) for p in await read(maestro, test, stream=1, offset=8)] == [
        (8, b"\n"),
        (9, b"more\n"),
    ]
    assert [(p.offset, p.data) for p in await read(maestro, test, offset=12)] == [(12, b"s\n"), (14, b"more\n")]
    assert await read(maestro, test, offset=100) == []


async def test_long_output_is_read_from_any_offset(maestro, report):
    data = bytes(number % 251 for number in range(400_000))
    pieces = [printed(data[start : start + 60_000]) for start in range(0, len(data), 60_000)]

    run = await report(*pieces, verdict="INVALID")

    for offset in (0, 1, 65_535, 65_536, 200_000, 399_999):
        got = await read(maestro, run.name, offset=offset)
        assert b"".join(piece.data for piece in got) == data[offset:]
        assert got[0].offset == offset


async def test_following_a_log_waits_for_the_end_of_the_run(maestro, create_run, workers):
    run = await create_run()
    worker = workers()
    await worker.connect()
    lease = (await worker.assigned()).lease
    log = maestro.results.read_log(pb.ReadLogRequest(name=run.name, follow=True))

    worker.report(lease, 1, printed(b"one "))
    pieces = [await anext(log)]
    while pieces[-1].data or len(pieces) == 1:
        pieces.append(await anext(log))
    worker.report(lease, 2, printed(b"two"), ended("INVALID"))
    pieces += [piece async for piece in log]

    assert b"".join(piece.data for piece in pieces) == b"one two"
    assert any(not piece.data for piece in pieces), "an idle stream carries empty chunks"


async def test_a_run_exports_to_junit_that_others_read(maestro, run):
    request = pb.ExportRunRequest(name=run.name, format=pb.ExportRunRequest.FORMAT_JUNIT_XML)

    data = b"".join([piece.data async for piece in maestro.results.export_run(request)])

    (suite,) = JUnitXml.fromroot(JUnitXml.fromstring(data)._elem)
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (5, 1, 1, 2)
    cases = {case.name: case for case in suite}
    assert cases["test_pass"].result == []
    assert cases["test_pass"].system_out == "inside \ufffd\nmore\n"
    assert cases["test_pass"].system_err == "oops\n"
    assert cases["test_fail"].result[0].message == "assert 1 == 2 <&> \ufffd\ufffd[31m"
    assert cases["test_fail"].result[0].text == "E  1 == 2\r\n"
    assert cases["test_skip"].result[0].message == "not here"
    assert len(cases["test_error"].result) == 2
    assert cases["test_pass"].classname == "test_a"
    again = b"".join([piece.data async for piece in maestro.results.export_run(request)])
    assert again == data


async def test_a_run_that_goes_on_is_not_exported(maestro, create_run):
    run = await create_run()
    request = pb.ExportRunRequest(name=run.name, format=pb.ExportRunRequest.FORMAT_JUNIT_XML)

    with pytest.raises(errors.FailedPrecondition) as caught:
        await anext(maestro.results.export_run(request))

    assert caught.value.reason == "STATE_INVALID"


async def test_a_projects_runs_are_hidden_from_others(maestro, run):
    name = run.name.replace("demo", "other")

    with pytest.raises(errors.NotFound):
        await maestro.execution.get_run(execution_service_pb2.GetRunRequest(name=name))
    with pytest.raises(errors.NotFound):
        await maestro.results.list_test_cases(pb.ListTestCasesRequest(parent=name))
