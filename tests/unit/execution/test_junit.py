"""JUnit XML is well-formed, whatever a test printed."""

from xml.etree import ElementTree as ET

from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import run_pb2, test_case_pb2
from maestro_services.execution import junit

NASTY = "]]> <tag> & \"quotes\" 'single' \x00\x08\x0b\x1b\ufffe \U0001f600 é\r\n"
KEPT = "]]> <tag> & \"quotes\" 'single' \ufffd\ufffd\ufffd\ufffd\ufffd \U0001f600 é\r\n"


async def exported(*tests: test_case_pb2.TestCase, outputs: dict[tuple[str, bool], list[bytes]] | None = None):
    async def each():
        for test in tests:
            yield test

    async def output(test_key, stderr):
        for data in (outputs or {}).get((test_key, stderr), []):
            yield data

    run = run_pb2.Run(name="projects/p/runs/r", display_name=NASTY)
    data = b"".join([piece async for piece in junit.document(run, each(), output)])
    return ET.fromstring(data)


async def test_text_that_xml_cannot_carry_is_replaced():
    failure = test_result_pb2.Failure(message=NASTY, stack_trace=NASTY, exception_type="E", phase="call")
    test = test_case_pb2.TestCase(case_name=NASTY, outcome=test_result_pb2.OUTCOME_FAIL, failures=[failure])

    root = await exported(test)

    (case,) = root.iter("testcase")
    assert case.get("name") == KEPT
    assert case[0].tag == "failure"
    assert (case[0].get("message"), case[0].text) == (KEPT, KEPT)


async def test_an_empty_parameter_keeps_its_brackets():
    test = test_case_pb2.TestCase(test_id="test_names.py::test_names[]", case_name="test_names", outcome=1)

    root = await exported(test)

    assert next(root.iter("testcase")).get("name") == "test_names[]"


async def test_output_split_within_a_character_is_whole():
    test = test_case_pb2.TestCase(name="projects/p/runs/r/testCases/k", case_name="t", outcome=1, output_bytes=4)
    smile = "\U0001f600".encode()

    root = await exported(test, outputs={("k", False): [smile[:2], smile[2:]], ("", True): [b"\xff", b"&"]})

    assert root.findtext(".//testcase/system-out") == "\U0001f600"
    assert root.findtext("./testsuite/system-err") == "\ufffd&"


async def test_a_failed_tear_down_beside_a_failed_call_is_an_error():
    failures = [test_result_pb2.Failure(phase="call"), test_result_pb2.Failure(phase="teardown")]
    test = test_case_pb2.TestCase(case_name="t", outcome=test_result_pb2.OUTCOME_FAIL, failures=failures)

    root = await exported(test)

    assert [element.tag for element in next(root.iter("testcase"))] == ["failure", "error"]
