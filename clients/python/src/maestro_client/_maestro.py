"""A connection to the platform: one attribute for each gRPC service, and a few conveniences.

What an attribute needs is imported with its first use: a connection loads the contract of what it calls, no more.
"""

import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Self

import grpc
from maestro.common.v1 import digest_pb2
from maestro.execution.v1 import execution_service_pb2, run_pb2

from ._address import find_endpoint
from ._calls import DEFAULT_TIMEOUT, Calls
from ._channels import ChannelFactory, Channels, Security, check_token_is_safe
from ._errors import Details, NotFound
from ._tls import Tls
from ._watch import resume

if TYPE_CHECKING:
    from ._discovery import Discovery
    from ._snapshot import SnapshotLimits
    from .audit import AuditClient
    from .automation import AutomationClient
    from .execution import ArtifactClient, ExecutionClient, ResultsClient, WorkerClient
    from .registry import RegistryClient, TokenClient
    from .templates import TemplateClient


# The filter that leaves out the runs that repairs make for themselves.
ASKED_FOR = "NOT labels.maestro.dev/repair:*"


def connect(
    address: str | None = None,
    token: str | Callable[[], str] | None = None,
    *,
    state_directory: str | os.PathLike[str] | None = None,
    registry: str | None = None,
    tls: Security = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> "Maestro":
    """Return a connection; it opens with the first call. Call it where an event loop runs.

    The address is the given one, else `MAESTRO_ADDRESS`, else that of the platform on this host (see `find_endpoint`);
    `{service}` in it stands for the called service, and an `xds:` name is dialled as it is. With `registry` (or
    `MAESTRO_REGISTRY`), the address of a registry, calls go to the ready instances that it lists; then use it as an
    async context manager. `timeout` bounds every unary call that does not bring its own. A token is sent over TLS, or
    to this host; `tls="plaintext"` says that a network can be trusted with it.

    Raises PlatformNotFound if no address is known, InsecureToken, and OSError if a PEM file cannot be read.
    """
    registry = registry or (None if address else os.environ.get("MAESTRO_REGISTRY"))
    given = token() if callable(token) else token
    endpoint = find_endpoint(registry or address, given, state_directory)
    tls = tls or Tls.from_environment()
    if endpoint.token:
        check_token_is_safe(endpoint.address, tls)
    return Maestro(
        endpoint.address,
        token=token if callable(token) else endpoint.token,
        credentials=tls.credentials() if isinstance(tls, Tls) else None,
        server_name=tls.server_name if isinstance(tls, Tls) else None,
        timeout=timeout,
        discover=registry is not None,
    )


class Maestro:
    """A connection to the platform at an address. Close it, or use it as an async context manager.

    `connect` finds address, token and credentials; this takes them as they are.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | Callable[[], str] | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        server_name: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        discover: bool = False,
    ) -> None:
        self.address = address
        self._open = ChannelFactory(credentials, server_name)
        self._channels = Channels(address, self._open)
        self._calls = Calls(token, timeout)
        self._discover = discover
        self._discovery: Discovery | None = None

    async def __aenter__(self) -> Self:
        if self._discover:
            from ._discovery import Discovery

            self._discovery = Discovery(self.registry, self._open)
            try:
                await self._discovery.start(self._channels)
            except BaseException:
                await self.close()
                raise
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the channels; running calls are cancelled."""
        if self._discovery:
            await self._discovery.stop()
        await self._channels.close()

    @cached_property
    def execution(self) -> "ExecutionClient":
        """Runs."""
        from .execution import ExecutionClient

        return ExecutionClient(self._calls, self._channels.of("execution"))

    @cached_property
    def artifacts(self) -> "ArtifactClient":
        """Blobs."""
        from .execution import ArtifactClient

        return ArtifactClient(self._calls, self._channels.of("execution"))

    @cached_property
    def results(self) -> "ResultsClient":
        """Test cases, logs, reports."""
        from .execution import ResultsClient

        return ResultsClient(self._calls, self._channels.of("execution"))

    @cached_property
    def workers(self) -> "WorkerClient":
        """Work, for workers."""
        from .execution import WorkerClient

        return WorkerClient(self._calls, self._channels.of("execution"))

    @cached_property
    def automation(self) -> "AutomationClient":
        """Repairs and monitoring."""
        from .automation import AutomationClient

        return AutomationClient(self._calls, self._channels.of("automation"))

    @cached_property
    def templates(self) -> "TemplateClient":
        """Templates."""
        from .templates import TemplateClient

        return TemplateClient(self._calls, self._channels.of("templates"))

    @cached_property
    def audit(self) -> "AuditClient":
        """The record of what was done."""
        from .audit import AuditClient

        return AuditClient(self._calls, self._channels.of("audit"))

    @cached_property
    def registry(self) -> "RegistryClient":
        """Instances of the mesh."""
        from .registry import RegistryClient

        return RegistryClient(self._calls, self._channels.of("registry"))

    @cached_property
    def tokens(self) -> "TokenClient":
        """Tokens of people and scripts."""
        from .registry import TokenClient

        return TokenClient(self._calls, self._channels.of("registry"))

    async def resolve(self, service: str) -> list[str]:
        """Return the addresses at which a service is ready, as the registry lists them."""
        from ._discovery import resolve

        return await resolve(self.registry, service)

    async def upload_tree(
        self, parent: str, folder: str | os.PathLike[str], *, limits: "SnapshotLimits | None" = None
    ) -> digest_pb2.Digest:
        """Snapshot a folder, send what the project lacks of it, and return the root's digest. See `tree`."""
        from ._transfer import upload_tree

        return await upload_tree(self.artifacts, parent, folder, limits=limits)

    async def run_tree(
        self, parent: str, folder: str | os.PathLike[str], run: run_pb2.Run | None = None
    ) -> run_pb2.Run:
        """Upload a folder and queue a run on it: the given one, or of its tests with all defaults."""
        wanted = run_pb2.Run()
        wanted.CopyFrom(run or run_pb2.Run(spec=run_pb2.RunSpec(pytest=run_pb2.PytestPlan())))
        wanted.spec.input_root.CopyFrom(await self.upload_tree(parent, folder))
        request = execution_service_pb2.CreateRunRequest(parent=parent, run=wanted)
        return (await self.execution.create_run(request)).run

    async def wait_run(self, name: str, *, patience: float | None = None) -> run_pb2.Run:
        """Wait until a run is finalized and return it. Outlives cuts of the connection, see `watch.resume`."""
        run = run_pb2.Run()
        request = execution_service_pb2.WatchRunRequest(name=name)
        async for event in resume(self.execution.watch_run, request, patience=patience):
            if event.HasField("run"):
                run = event.run
        return run

    async def find_run(self, parent: str, reference: str) -> run_pb2.Run:
        """Return the run that a person means: a full name, an id, the beginning of one, or `latest`.

        `latest` is none of the runs that repairs make for themselves. Raises NotFound; a beginning of several ids is
        none.
        """
        if not reference:
            raise _not_found("a run is named by its id, the beginning of one, or latest")
        if not reference.startswith("projects/") and reference != "latest":
            reference = await self._complete(parent, reference)
        if reference == "latest":
            request = execution_service_pb2.ListRunsRequest(parent=parent, page_size=1, filter=ASKED_FOR)
            page = await self.execution.list_runs(request)
            if not page.runs:
                raise _not_found(f"{parent} has no runs yet")
            return page.runs[0]
        return (await self.execution.get_run(execution_service_pb2.GetRunRequest(name=reference))).run

    async def _complete(self, parent: str, beginning: str) -> str:
        prefix = f"{parent}/runs/{beginning}"
        page = await self.execution.list_runs(execution_service_pb2.ListRunsRequest(parent=parent, page_size=500))
        names = [run.name for run in page.runs if run.name.startswith(prefix)]
        if len(names) > 1 and prefix not in names:
            raise _not_found(f"{len(names)} runs begin with {beginning}: give more of the id")
        return names[0] if len(names) == 1 else prefix


def _not_found(message: str) -> NotFound:
    return NotFound(grpc.StatusCode.NOT_FOUND, message, Details(reason="RESOURCE_NOT_FOUND"))
