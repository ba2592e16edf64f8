import json
import sys
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import execution_service_pb2, run_pb2, test_case_pb2
from maestro_cli.failures import Failure, failure_of
from maestro_cli.following import exit_code
from maestro_cli.progress import Plain, counts_of
from maestro_cli.tally import Tally
from maestro_cli.text import counts, make_console, span, table, when, word
from maestro_client import PlatformNotFound, errors
from maestro_client._errors import Details
from maestro_client.tree import TreeError

RUNNING = test_result_pb2.DISPOSITION_RUNNING


def case(name: str, outcome: int = 0, disposition: int = 0, **fields: object) -> test_case_pb2.TestCase:
    return test_case_pb2.TestCase(
        name=name,
        test_id=name,
        outcome=outcome,  # type: ignore[arg-type]
        disposition=disposition,  # type: ignore[arg-type]
        **fields,  # type: ignore[arg-type]
    )


def event(*cases: test_case_pb2.TestCase) -> execution_service_pb2.WatchRunResponse:
    return execution_service_pb2.WatchRunResponse(test_cases=cases)


def test_an_event_that_comes_twice_counts_once() -> None:
    tally = Tally(run_pb2.Run())
    failed = event(case("a", test_result_pb2.OUTCOME_FAIL), case("b"))
    assert [one.name for one in tally.take(failed)] == ["a"]
    assert list(tally.take(failed)) == []
    assert (tally.known, tally.ended, tally.count(test_result_pb2.OUTCOME_FAIL)) == (2, 1, 1)


def test_a_test_that_is_decided_anew_is_counted_as_it_is_now() -> None:
    tally = Tally(run_pb2.Run())
    list(tally.take(event(case("a", test_result_pb2.OUTCOME_ERROR))))
    list(tally.take(event(case("a", test_result_pb2.OUTCOME_PASS))))
    assert (tally.ended, tally.count(test_result_pb2.OUTCOME_ERROR)) == (1, 0)


def test_the_running_test_is_known() -> None:
    tally = Tally(run_pb2.Run())
    list(tally.take(event(case("a", disposition=RUNNING))))
    assert tally.current == "a"
    assert counts_of(tally).plain == "0/1"


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        *(("PASSED", 0), ("FLAKY", 0), ("SKIPPED", 0), ("FAILED", 1), ("TIMED_OUT", 1)),
        *(("INVALID", 2), ("CANCELLED", 2), ("INFRA_FAILED", 2), ("INCOMPLETE", 2)),
    ],
)
def test_the_exit_code_tells_failed_from_could_not_run(verdict: str, code: int) -> None:
    assert exit_code(run_pb2.Run(verdict=test_result_pb2.Verdict.Value(f"VERDICT_{verdict}"))) == code


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0123, "12 ms"), (3.44, "3.4 s"), (125, "2 min 5 s"), (4320, "1 h 12 min"), (59.99, "60.0 s")],
)
def test_durations_are_written_as_people_say_them(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(("age", "text"), [(5, "5 s ago"), (600, "10 min ago"), (7300, "2 h ago")])
def test_recent_times_are_ages(age: int, text: str) -> None:
    time = Timestamp()
    time.FromDatetime(datetime.now(UTC) - timedelta(seconds=age))
    assert when(time) == text


def test_old_times_are_dates_and_unset_ones_a_dash() -> None:
    assert when(Timestamp()) == "-"
    assert when(Timestamp(seconds=1_600_000_000)).startswith("2020-09-1")


def test_counts_leave_zeros_out() -> None:
    assert counts(run_pb2.TestCounts(pass_count=2, error_count=1)).plain == "2 passed, 1 error"
    assert counts(run_pb2.TestCounts()).plain == "no tests"
    assert word("AWAITING_APPROVAL").plain == "awaiting approval"


def test_a_table_is_aligned_and_has_no_trailing_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    table(make_console(), ("name", ">took"), [("a", "1 s"), ("a longer one", "10 s")], none="nothing")
    table(make_console(), ("name",), [], none="nothing")
    assert capsys.readouterr().out.splitlines() == [
        "name          took",
        "a              1 s",
        "a longer one  10 s",
        "nothing",
    ]


def test_a_failure_is_written_in_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    failure = test_result_pb2.Failure(message="no\nmore", exception_type="builtins.ValueError", file="src/a.py", line=7)
    Plain(make_console()).failed(case("t.py::test", test_result_pb2.OUTCOME_FAIL, failures=[failure]))
    assert capsys.readouterr().out.splitlines() == [
        "FAIL  t.py::test  src/a.py:7",
        "      ValueError: no (+1 lines)",
    ]


def test_brackets_in_a_tests_name_are_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    Plain(make_console()).failed(case("t.py::test[red]", test_result_pb2.OUTCOME_ERROR, file="t.py", line=1))
    assert "t.py::test[red]  t.py:1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "said", "next_step"),
    [
        (PlatformNotFound("no platform is known"), "no platform is known", "maestro up"),
        (TreeError("a/b", "links to /etc"), "a/b: links to /etc", ".gitignore"),
        (FileNotFoundError(2, "No such file or directory", "x"), "x: No such file or directory", "path"),
        (ValueError("odd"), "odd", "--debug"),
        (errors.Unavailable(grpc.StatusCode.UNAVAILABLE, "refused"), "refused (UNAVAILABLE)", "maestro up"),
        (
            errors.NotFound(grpc.StatusCode.NOT_FOUND, "x does not exist", Details("RESOURCE_NOT_FOUND")),
            "x does not exist (RESOURCE_NOT_FOUND)",
            "maestro runs",
        ),
    ],
)
def test_an_error_says_what_happened_and_what_to_do_next(error: Exception, said: str, next_step: str) -> None:
    failure = failure_of(error)
    assert failure.message == said
    assert next_step in failure.next_step


def test_an_error_for_programs_is_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    failure = failure_of(errors.Aborted(grpc.StatusCode.ABORTED, "again", Details("ETAG_MISMATCH"), request_id="r"))
    failure.json = True
    failure.show()
    content = json.loads(capsys.readouterr().err)["error"]
    assert (content["code"], content["reason"], content["requestId"]) == ("ABORTED", "ETAG_MISMATCH", "r")


def test_an_error_for_people_has_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    Failure("what", "then").show(sys.stderr)
    assert capsys.readouterr().err == "error: what\n  next: then\n"
