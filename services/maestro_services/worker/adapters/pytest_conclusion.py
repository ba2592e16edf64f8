"""What the end of a pytest process means."""

from __future__ import annotations

from maestro.common.v1 import test_result_pb2

from maestro_services.worker.adapters.command import signal_name
from maestro_services.worker.adapters.conclusion import Conclusion
from maestro_services.worker.adapters.pytest_session import Session
from maestro_services.worker.sandbox.process import Ending

_INVALID = test_result_pb2.VERDICT_INVALID
_FAILED = test_result_pb2.VERDICT_FAILED
_INPUT_ERROR = test_result_pb2.CAUSE_INPUT_ERROR
_EXIT_CODE = test_result_pb2.CAUSE_EXIT_CODE
# What marks the line that says most, the surest first.
_TELLING = (": error: ", "ERROR: ", "E   ", "Error: ")


def death(ending: Ending) -> tuple[test_result_pb2.Cause.ValueType, str]:
    """Why a process died, as a cause and in words."""
    if ending.exit_code is None:
        return test_result_pb2.CAUSE_SIGNAL, f"the process was ended by {signal_name(ending.signal)}"
    return _EXIT_CODE, f"the process ended by itself with exit code {ending.exit_code}"


def conclude(session: Session, ending: Ending, python: str, last_words: bytes) -> Conclusion:
    """The conclusion of a process that was not ended by the worker and is not started again."""
    if not session.began:
        return _never_began(ending, python, last_words)
    if not session.finished:
        cause, words = death(ending)
        return Conclusion(_INVALID, cause, f"The tests could not be collected: {words}.")
    if ending.exit_code is None or ending.exit_code > 5:
        cause, words = death(ending)
        return Conclusion(_FAILED, cause, f"The tests ended, but then {words}.")
    return _by_exit_code(session, ending.exit_code, last_words)


def _never_began(ending: Ending, python: str, last_words: bytes) -> Conclusion:
    if ending.exit_code == 1 and b"No module named pytest" in last_words:
        choice = "choose another interpreter (`--python`, or `python` in the run's spec)"
        message = f"{python} cannot import pytest: install it there, or {choice}."
        return Conclusion(_INVALID, _INPUT_ERROR, message)
    if ending.exit_code is not None and ending.exit_code in (1, 4):
        return Conclusion(_INVALID, _INPUT_ERROR, f"pytest could not start: {_last_line(last_words)}")
    cause, words = death(ending)
    return Conclusion(_INVALID, cause, f"pytest could not start: {words}. {_last_line(last_words)}".strip())


def _by_exit_code(session: Session, exit_code: int, last_words: bytes) -> Conclusion:
    history = session.history
    if exit_code == 5 and not session.removed_count:
        return _no_tests(session)
    if exit_code == 2:
        return _interrupted(session)
    if exit_code == 3:
        message = f"pytest itself broke: {session.broken or _last_line(last_words)}"
        return Conclusion(test_result_pb2.VERDICT_INFRA_FAILED, test_result_pb2.CAUSE_INTERNAL, message)
    if exit_code == 4:
        return Conclusion(_INVALID, _INPUT_ERROR, f"pytest refuses its input: {_last_line(last_words)}")
    if history.failed_count:
        words = f"{history.failed_count} tests did not pass" if history.failed_count > 1 else "1 test did not pass"
        return Conclusion(_FAILED, history.cause, f"{words}{f'; {history.death}' if history.death else ''}.")
    if history.death:
        return Conclusion(_FAILED, history.death_cause, f"No test failed, but between two tests {history.death}.")
    if exit_code == 1:
        return Conclusion(_FAILED, _EXIT_CODE, "No test failed, but pytest ended with exit code 1.")
    return Conclusion(test_result_pb2.VERDICT_PASSED)


def _no_tests(session: Session) -> Conclusion:
    if session.skipped_modules:
        return Conclusion(test_result_pb2.VERDICT_SKIPPED, message="Every module skips itself.")
    message = (
        "pytest found no tests: name files test_*.py and functions test_*, set `testpaths`, or widen what `arguments` "
        "and `test_ids` select."
    )
    return Conclusion(_INVALID, test_result_pb2.CAUSE_NO_TESTS, message)


def _interrupted(session: Session) -> Conclusion:
    errors = session.history.collect_errors
    if errors:
        words = f"{len(errors)} modules cannot be collected" if len(errors) > 1 else "1 module cannot be collected"
        return Conclusion(_INVALID, _INPUT_ERROR, f"{words}, the first is {errors[0]}.")
    message = f"The project ended the session: {session.interrupted or 'exit code 2'}"
    return Conclusion(test_result_pb2.VERDICT_INCOMPLETE, _EXIT_CODE, message)


def _last_line(words: bytes) -> str:
    lines = [line.strip() for line in words.decode("utf-8", "replace").splitlines() if line.strip()]
    for sign in _TELLING:
        telling = [line for line in lines if sign in line]
        if telling:
            return telling[-1][:1000]
    return (lines or ["it said nothing"])[-1][:1000]
