"""What exit codes mean, and what limits do."""

import asyncio

import pytest
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import run_pb2
from maestro_services.worker.adapters.pytest_conclusion import conclude
from maestro_services.worker.adapters.pytest_session import History, Session
from maestro_services.worker.guard import Guard
from maestro_services.worker.sandbox.process import Ending


def ending(exit_code: int | None, signal: int = 0) -> Ending:
    return Ending(exit_code, signal, 0.0, 0, 0.0)


def verdict(session: Session, end: Ending, words: bytes = b"") -> tuple[str, str]:
    found = conclude(session, end, "python", words)
    verdicts, causes = test_result_pb2.Verdict.Name, test_result_pb2.Cause.Name
    return verdicts(found.verdict).removeprefix("VERDICT_"), causes(found.cause).removeprefix("CAUSE_")


@pytest.mark.parametrize(
    ("exit_code", "expected"),
    [
        (0, ("PASSED", "UNSPECIFIED")),
        (1, ("FAILED", "EXIT_CODE")),
        (2, ("INCOMPLETE", "EXIT_CODE")),
        (3, ("INFRA_FAILED", "INTERNAL")),
        (4, ("INVALID", "INPUT_ERROR")),
        (5, ("INVALID", "NO_TESTS")),
        (42, ("FAILED", "EXIT_CODE")),
    ],
)
def test_exit_codes_of_a_session_without_failures(exit_code: int, expected: tuple[str, str]) -> None:
    session = Session(History(set()), began=True, collected=True, finished=True)
    assert verdict(session, ending(exit_code)) == expected


def test_a_signal_after_the_last_test_is_told() -> None:
    session = Session(History(set()), began=True, collected=True, finished=True)
    assert verdict(session, ending(None, 11)) == ("FAILED", "SIGNAL")


def test_nothing_left_to_run_is_no_lack_of_tests() -> None:
    session = Session(History({"a"}), began=True, collected=True, finished=True, removed_count=1)
    assert verdict(session, ending(5)) == ("PASSED", "UNSPECIFIED")


def test_modules_that_skip_themselves_are_skipped_tests() -> None:
    session = Session(History(set()), began=True, collected=True, finished=True, skipped_modules=1)
    assert verdict(session, ending(5)) == ("SKIPPED", "UNSPECIFIED")


def test_death_between_tests_is_told() -> None:
    history = History(set(), death="the process died", death_cause=test_result_pb2.CAUSE_SIGNAL)
    session = Session(history, began=True, collected=True, finished=True)
    assert verdict(session, ending(0)) == ("FAILED", "SIGNAL")


def test_a_collect_event_seen_twice_counts_once() -> None:
    session = Session(History(set()))
    frame = {"e": "module", "id": "test_a.py", "outcome": "ERROR", "start": 1.0, "duration": 0.0, "order": 1}
    frame["test"] = ["test_a.py", ["test_a.py"], "test_a.py", "", "test_a.py", 0]
    assert len(session.take([(frame, b""), (frame, b"")])) == 1
    assert session.history.failed_count == 1


async def test_the_first_cause_is_kept() -> None:
    guard = Guard(run_pb2.Limits(output_bytes=10))
    guard.spend(11)
    guard.stop(test_result_pb2.CAUSE_CANCELLED, "later")
    await asyncio.wait_for(guard.wait(), 1)
    assert guard.cause == test_result_pb2.CAUSE_QUOTA


async def test_signs_of_life_put_the_idle_timeout_off() -> None:
    limits = run_pb2.Limits()
    limits.idle_timeout.FromMilliseconds(100)
    guard = Guard(limits)
    waiting = asyncio.create_task(guard.wait())
    for _ in range(5):
        await asyncio.sleep(0.05)
        guard.progress()
    assert not waiting.done()
    await asyncio.wait_for(waiting, 1)
    assert guard.cause == test_result_pb2.CAUSE_DEADLINE
