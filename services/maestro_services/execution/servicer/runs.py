# ruff: noqa: N802 -- methods have the contract's names
"""ExecutionService: runs."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
from maestro.execution.v1 import execution_service_pb2 as pb
from maestro.execution.v1.execution_service_pb2_grpc import ExecutionServiceServicer

from maestro_services.execution.convert import RUN, new_run, preview_message, run_message
from maestro_services.execution.domain.run import Creator, NewRun, Run
from maestro_services.execution.servicer.once import Once
from maestro_services.execution.servicer.trees import TreeCheck
from maestro_services.execution.servicer.watch import Watcher
from maestro_services.execution.store.filters import run_condition
from maestro_services.execution.store.runs import RunStore
from maestro_services.runtime.clock import Clock
from maestro_services.runtime.context import current_call
from maestro_services.runtime.database import Transaction
from maestro_services.runtime.errors import Reason
from maestro_services.runtime.ids import new_id, new_uid
from maestro_services.runtime.masks import read_mask
from maestro_services.runtime.names import PROJECT
from maestro_services.runtime.pages import page_size
from maestro_services.runtime.tokens import OpaqueTokens

Context = grpc.aio.ServicerContext[Any, Any]


class ExecutionServicer(ExecutionServiceServicer):
    """Answers for runs."""

    def __init__(
        self,
        runs: RunStore,
        trees: TreeCheck,
        watcher: Watcher,
        once: Once,
        *,
        tokens: OpaqueTokens,
        clock: Clock,
        default_attempts: int,
    ) -> None:
        self._runs = runs
        self._trees = trees
        self._watcher = watcher
        self._once = once
        self._tokens = tokens
        self._clock = clock
        self._default_attempts = default_attempts

    async def CreateRun(self, request: pb.CreateRunRequest, context: Context) -> pb.CreateRunResponse:
        """Checks the tree, then queues the run."""
        new = self._new_run(request)
        await self._trees.check(new.project, request.run.spec)
        if request.validate_only:
            return pb.CreateRunResponse(run=preview_message(new))

        async def create(transaction: Transaction) -> pb.CreateRunResponse:
            return pb.CreateRunResponse(run=run_message(await self._runs.create(transaction, new)))

        return await self._once.answer(request, pb.CreateRunResponse, create)

    async def GetRun(self, request: pb.GetRunRequest, context: Context) -> pb.GetRunResponse:
        """A run."""
        run = await self._find(request.name)
        return pb.GetRunResponse(run=read_mask(run_message(run), request.read_mask))

    async def ListRuns(self, request: pb.ListRunsRequest, context: Context) -> pb.ListRunsResponse:
        """A page of runs."""
        project = PROJECT.parse(request.parent, "parent")["project"]
        size = page_size(request.page_size, 50, 500)
        scope = f"ListRuns {project} {request.filter}"
        token = request.page_token
        before = str(self._tokens.open(scope, token, Reason.PAGE_TOKEN_INVALID)[0]) if token else ""
        runs = await self._runs.list(project, run_condition(request.filter), before, size + 1)
        more = self._tokens.seal(scope, runs[size - 1].run_id) if len(runs) > size else ""
        return pb.ListRunsResponse(runs=[run_message(run) for run in runs[:size]], next_page_token=more)

    async def CancelRun(self, request: pb.CancelRunRequest, context: Context) -> pb.CancelRunResponse:
        """Ends a run, or asks its worker to."""
        name = RUN.parse(request.name)

        async def cancel(transaction: Transaction) -> pb.CancelRunResponse:
            run = await self._runs.cancel(transaction, name["project"], name["run"], request.reason)
            return pb.CancelRunResponse(run=run_message(run))

        return await self._once.answer(request, pb.CancelRunResponse, cancel)

    async def WatchRun(self, request: pb.WatchRunRequest, context: Context) -> AsyncIterator[pb.WatchRunResponse]:
        """A run and its tests, as they change."""
        run = await self._find(request.name)
        async for response in self._watcher.run(run, request.resume_token):
            yield response

    async def WatchRuns(self, request: pb.WatchRunsRequest, context: Context) -> AsyncIterator[pb.WatchRunsResponse]:
        """The runs of a project, as they change."""
        project = PROJECT.parse(request.parent, "parent")["project"]
        async for response in self._watcher.runs(project, request.resume_token):
            yield response

    async def _find(self, name: str) -> Run:
        parts = RUN.parse(name)
        return await self._runs.get(parts["project"], parts["run"])

    def _new_run(self, request: pb.CreateRunRequest) -> NewRun:
        call = current_call()
        principal = call.principal if call else None
        creator = Creator(int(principal.kind), principal.subject, principal.display_name) if principal else Creator()
        return new_run(
            request.run,
            project=PROJECT.parse(request.parent, "parent")["project"],
            run_id=new_id(),
            uid=new_uid(),
            creator=creator,
            default_attempts=self._default_attempts,
            now=self._clock(),
        )
