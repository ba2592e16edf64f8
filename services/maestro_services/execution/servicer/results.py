# ruff: noqa: N802 -- methods have the contract's names
"""ResultsService: test cases, actions, output, reports."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
from maestro.execution.v1 import results_service_pb2 as pb
from maestro.execution.v1.results_service_pb2_grpc import ResultsServiceServicer

from maestro_services.execution.convert import RUN, TEST_CASE, action_message, log_stream, test_message
from maestro_services.execution.domain.run import Run
from maestro_services.execution.domain.states import LogStream, RunState
from maestro_services.execution.servicer.export import Export
from maestro_services.execution.servicer.logs import LogReader
from maestro_services.execution.store.filters import test_condition
from maestro_services.execution.store.results import ResultStore
from maestro_services.execution.store.runs import RunStore
from maestro_services.runtime.errors import Reason, wrong_state
from maestro_services.runtime.pages import page_size
from maestro_services.runtime.tokens import OpaqueTokens

Context = grpc.aio.ServicerContext[Any, Any]


class ResultsServicer(ResultsServiceServicer):
    """Answers for what runs found out."""

    def __init__(
        self, runs: RunStore, results: ResultStore, logs: LogReader, export: Export, tokens: OpaqueTokens
    ) -> None:
        self._runs = runs
        self._results = results
        self._logs = logs
        self._export = export
        self._tokens = tokens

    async def GetTestCase(self, request: pb.GetTestCaseRequest, context: Context) -> pb.GetTestCaseResponse:
        """A test case."""
        parts = TEST_CASE.parse(request.name)
        run = await self._runs.get(parts["project"], parts["run"])
        test = await self._results.get_test(run, parts["test_case"])
        return pb.GetTestCaseResponse(test_case=test_message(test))

    async def ListTestCases(self, request: pb.ListTestCasesRequest, context: Context) -> pb.ListTestCasesResponse:
        """A page of test cases."""
        run = await self._find(request.parent, "parent")
        size = page_size(request.page_size, 100, 1000)
        scope = f"ListTestCases {run.name} {request.filter}"
        token = request.page_token
        after = int(self._tokens.open(scope, token, Reason.PAGE_TOKEN_INVALID)[0]) if token else 0
        tests = await self._results.list_tests(run, test_condition(request.filter), after, size + 1)
        more = self._tokens.seal(scope, tests[size - 1].position) if len(tests) > size else ""
        return pb.ListTestCasesResponse(test_cases=[test_message(test) for test in tests[:size]], next_page_token=more)

    async def ListActions(self, request: pb.ListActionsRequest, context: Context) -> pb.ListActionsResponse:
        """All actions of a run."""
        run = await self._find(request.parent, "parent")
        actions = await self._results.list_actions(run)
        return pb.ListActionsResponse(actions=[action_message(action) for action in actions])

    async def ReadLog(self, request: pb.ReadLogRequest, context: Context) -> AsyncIterator[pb.ReadLogResponse]:
        """What a run or test printed."""
        run_name, _, test_key = request.name.partition("/testCases/")
        run = await self._find(run_name, "name")
        if test_key:
            await self._results.get_test(run, test_key)
        read = self._logs.follow if request.follow else self._logs.read
        async for piece in read(run, test_key, LogStream(request.stream), request.offset):
            yield pb.ReadLogResponse(data=piece.data, offset=piece.offset, stream=log_stream(piece.stream))

    async def ExportRun(self, request: pb.ExportRunRequest, context: Context) -> AsyncIterator[pb.ExportRunResponse]:
        """A finalized run as a document."""
        run = await self._find(request.name, "name")
        if run.state is not RunState.FINALIZED:
            raise wrong_state(run.name, run.state.name, "export")
        async for data in self._export.junit(run):
            yield pb.ExportRunResponse(data=data)

    async def _find(self, name: str, field: str) -> Run:
        parts = RUN.parse(name, field)
        return await self._runs.get(parts["project"], parts["run"])
