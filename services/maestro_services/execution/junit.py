"""JUnit XML of a run, in pieces: nothing holds the whole document.

One `testsuite`, a `testcase` a test; the elements and attributes that CI systems read. Characters that XML cannot
carry are replaced by U+FFFD; nothing else is changed.
"""

import codecs
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Protocol
from xml.sax.saxutils import escape, quoteattr

from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import run_pb2, test_case_pb2

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_PIECE = 256 * 1024


class Output(Protocol):
    """Where the output of a test comes from; the run's own for an empty key."""

    def __call__(self, test_key: str, stderr: bool) -> AsyncIterator[bytes]:
        """The bytes, in pieces."""


async def document(
    run: run_pb2.Run, tests: AsyncIterator[test_case_pb2.TestCase], output: Output
) -> AsyncIterator[bytes]:
    """The document, in pieces of about 256 KiB."""
    pieces: list[str] = []
    size = 0
    async for piece in _document(run, tests, output):
        pieces.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield "".join(pieces).encode()
            pieces, size = [], 0
    yield "".join(pieces).encode()


async def _document(
    run: run_pb2.Run, tests: AsyncIterator[test_case_pb2.TestCase], output: Output
) -> AsyncIterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n'
    yield f"<testsuite{_suite_attributes(run)}>\n"
    async for test in tests:
        yield f"<testcase{_case_attributes(test)}>"
        for element in _results(test):
            yield element
        if test.output_bytes:
            async for piece in _outputs(output, test.name.rpartition("/")[2]):
                yield piece
        yield "</testcase>\n"
    async for piece in _outputs(output, ""):
        yield piece
    yield "</testsuite>\n</testsuites>\n"


def _suite_attributes(run: run_pb2.Run) -> str:
    counts = run.counts
    began = run.start_time.ToMicroseconds() if run.HasField("start_time") else run.create_time.ToMicroseconds()
    return _attributes(
        name=run.display_name or run.name,
        tests=str(counts.total_count),
        failures=str(counts.fail_count),
        errors=str(counts.error_count),
        skipped=str(counts.skip_count + counts.xfail_count + _missing(counts)),
        time=f"{max(0, run.end_time.ToMicroseconds() - began) / 1e6:.3f}",
        timestamp=datetime.fromtimestamp(began / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    )


def _missing(counts: run_pb2.TestCounts) -> int:
    return counts.total_count - counts.completed_count - counts.interrupted_count


def _case_attributes(test: test_case_pb2.TestCase) -> str:
    # A parameter may be empty text: then only the id has its brackets.
    bracketed = test.parameters or test.test_id.endswith("[]")
    name = f"{test.case_name}[{test.parameters}]" if bracketed else test.case_name
    place = {"file": test.file} if test.file else {}
    if test.line:
        place["line"] = str(test.line)
    return _attributes(
        classname=_class_name(test),
        name=name or test.test_id,
        **place,
        time=f"{test.duration.ToNanoseconds() / 1e9:.6f}",
    )


def _class_name(test: test_case_pb2.TestCase) -> str:
    """The suites joined by dots, the file as a module, as pytest itself writes it."""
    suites = [suite.removesuffix(".py").replace("/", ".") for suite in test.suite_path]
    return ".".join(suites)


def _results(test: test_case_pb2.TestCase) -> Iterator[str]:
    """The elements that say how the test ended; none if it passed."""
    kinds = test_result_pb2
    if test.outcome in (kinds.OUTCOME_FAIL, kinds.OUTCOME_ERROR):
        element = "failure" if test.outcome == kinds.OUTCOME_FAIL else "error"
        yield from (_problem(element, failure) for failure in test.failures)
        if not test.failures:
            cause = kinds.Cause.Name(test.cause).removeprefix("CAUSE_").lower()
            yield f"<{element}{_attributes(message=test.reason or cause, type=cause)}/>"
    elif test.outcome == kinds.OUTCOME_XFAIL:
        yield f"<skipped{_attributes(type='xfail', message=test.reason)}/>"
    elif test.outcome == kinds.OUTCOME_SKIP:
        yield f"<skipped{_attributes(type='skip', message=test.reason)}/>"
    elif test.outcome == kinds.OUTCOME_UNSPECIFIED:
        yield f"<skipped{_attributes(type='not_started', message='It did not run.')}/>"


def _problem(element: str, failure: test_result_pb2.Failure) -> str:
    # A test that failed in its call and in its tear-down has both; only its own check is a failure.
    element = "error" if failure.phase in ("setup", "teardown", "collect") else element
    attributes = _attributes(message=failure.message, type=failure.exception_type)
    return f"<{element}{attributes}>{_content(failure.stack_trace)}</{element}>"


async def _outputs(output: Output, test_key: str) -> AsyncIterator[str]:
    for element, stderr in (("system-out", False), ("system-err", True)):
        began = False
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        async for data in output(test_key, stderr):
            if not began:
                yield f"<{element}>"
                began = True
            yield _content(decoder.decode(data))
        if began:
            yield _content(decoder.decode(b"", final=True)) + f"</{element}>"


def _attributes(**values: str) -> str:
    return "".join(f" {name}={quoteattr(_legal(value))}" for name, value in values.items())


def _content(text: str) -> str:
    """Text between tags. A carriage return is written as a reference, or a parser would turn it into a line feed."""
    return escape(_legal(text), {"\r": "&#13;"})


def _legal(text: str) -> str:
    """Text with nothing that XML 1.0 cannot carry."""
    return _ILLEGAL.sub("\ufffd", text)
