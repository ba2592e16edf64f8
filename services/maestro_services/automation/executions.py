"""What automation asks of execution: runs, their results, trees and blobs."""

import uuid
from collections.abc import Callable, Iterable

from maestro.common.v1 import digest_pb2
from maestro.execution.v1 import execution_service_pb2, results_service_pb2, run_pb2, test_case_pb2
from maestro_client import Maestro
from maestro_client.errors import FailedPrecondition, NotFound
from maestro_client.tree import Tree, download_blob, fetch_tree, store_tree

from maestro_services.automation.domain.repair import Purpose, Repair
from maestro_services.runtime.names import project_of

REPAIR_LABEL = "maestro.dev/repair"
PURPOSE_LABEL = "maestro.dev/purpose"
NOT_PASSED = "outcome = FAIL OR outcome = ERROR OR disposition = INTERRUPTED"
_NAMESPACE = uuid.UUID("6f0c3c1e-6f0e-4d55-9d5b-6c2f3c7a3b11")
_PAGE = 1000


class Executions:
    """Calls execution as the automation service. Raises the client's MaestroError."""

    def __init__(self, client: Callable[[], Maestro]) -> None:
        self._client = client

    async def run(self, name: str) -> run_pb2.Run:
        """A run as it is now."""
        request = execution_service_pb2.GetRunRequest(name=name)
        return (await self._client().execution.get_run(request)).run

    async def test_cases(self, run: str, condition: str = "") -> list[test_case_pb2.TestCase]:
        """A run's test cases, all pages."""
        request = results_service_pb2.ListTestCasesRequest(parent=run, filter=condition, page_size=_PAGE)
        cases: list[test_case_pb2.TestCase] = []
        while True:
            response = await self._client().results.list_test_cases(request)
            cases += response.test_cases
            if not response.next_page_token:
                return cases
            request.page_token = response.next_page_token

    async def create(self, repair: Repair, purpose: Purpose, spec: run_pb2.RunSpec, candidate: int = 0) -> run_pb2.Run:
        """A run for a repair; asked for again after a crash, it is the same one."""
        title = purpose.name.lower().replace("_", " ")
        run = run_pb2.Run(
            display_name=f"{title} · {repair.display_name}"[:200],
            labels={REPAIR_LABEL: repair.name, PURPOSE_LABEL: purpose.name.lower()},
            spec=spec,
        )
        request = execution_service_pb2.CreateRunRequest(
            parent=f"projects/{project_of(repair.name)}",
            run=run,
            request_id=_request_id(f"{repair.uid}/{purpose.name}/{candidate}"),
        )
        return (await self._client().execution.create_run(request)).run

    async def cancel(self, run: str) -> None:
        """Ends a run that nobody waits for any more; one that has ended or is gone stays so."""
        request = execution_service_pb2.CancelRunRequest(name=run, reason="its repair has ended")
        try:
            await self._client().execution.cancel_run(request)
        except (FailedPrecondition, NotFound):
            return

    async def tree(self, run: run_pb2.Run) -> Tree:
        """The input tree of a run."""
        return await fetch_tree(self._client().artifacts, _parent(run.name), run.spec.input_root)

    async def store(self, run: run_pb2.Run, tree: Tree, contents: Iterable[bytes]) -> digest_pb2.Digest:
        """Stores a changed tree and its new files beside the run's own; answers its root."""
        return await store_tree(self._client().artifacts, _parent(run.name), tree, contents)

    async def read(self, run: run_pb2.Run, digest: digest_pb2.Digest) -> bytes:
        """A blob of the run's project."""
        return await download_blob(self._client().artifacts, _parent(run.name), digest)


def _parent(name: str) -> str:
    return f"projects/{project_of(name)}"


def _request_id(task: str) -> str:
    """A UUID of version 4 in form, and always the same for a task."""
    raw = bytearray(uuid.uuid5(_NAMESPACE, task).bytes)
    return str(uuid.UUID(bytes=bytes(raw), version=4))


def is_own(run: run_pb2.Run) -> bool:
    """Whether automation made the run itself: such a run is never repaired."""
    return REPAIR_LABEL in run.labels
