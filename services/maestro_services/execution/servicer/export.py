"""Documents of finalized runs, read from the database page by page."""

from collections.abc import AsyncIterator

from maestro.execution.v1 import test_case_pb2

from maestro_services.execution import junit
from maestro_services.execution.convert import run_message, test_message
from maestro_services.execution.domain.run import Run
from maestro_services.execution.domain.states import LogStream
from maestro_services.execution.servicer.logs import LogReader
from maestro_services.execution.store.results import ResultStore

_TESTS_A_PAGE = 500
# A parser holds a whole element; a test that printed more has its first part here and all of it in ReadLog.
_MAX_OUTPUT_BYTES = 1024 * 1024


class Export:
    """Writes documents; the same run gives the same bytes."""

    def __init__(self, results: ResultStore, logs: LogReader) -> None:
        self._results = results
        self._logs = logs

    def junit(self, run: Run) -> AsyncIterator[bytes]:
        """JUnit XML, in pieces."""

        async def output(test_key: str, stderr: bool) -> AsyncIterator[bytes]:
            left = _MAX_OUTPUT_BYTES
            async for piece in self._logs.read(run, test_key, LogStream.STDERR if stderr else LogStream.STDOUT, 0):
                yield piece.data[:left]
                left -= len(piece.data)
                if left <= 0:
                    yield f"\n[cut after {_MAX_OUTPUT_BYTES} bytes; ReadLog has all of it]".encode()
                    return

        return junit.document(run_message(run), self._tests(run), output)

    async def _tests(self, run: Run) -> AsyncIterator[test_case_pb2.TestCase]:
        after = 0
        while page := await self._results.list_tests(run, None, after, _TESTS_A_PAGE):
            for test in page:
                yield test_message(test)
            after = page[-1].position
