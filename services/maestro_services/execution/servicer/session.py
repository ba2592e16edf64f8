"""One worker's stream: takes its events in, hands work out, passes cancellations on."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from maestro.execution.v1 import worker_service_pb2 as pb

from maestro_services.execution.blobs import BlobFiles
from maestro_services.execution.convert import assignment
from maestro_services.execution.domain.batch import Batch
from maestro_services.execution.domain.run import HeldLease, LeasedAction
from maestro_services.execution.domain.tree import BlobRef
from maestro_services.execution.ingest import fold
from maestro_services.execution.servicer import responses
from maestro_services.execution.servicer.commits import Commits, finished
from maestro_services.execution.servicer.inbox import EventRun, Inbox
from maestro_services.execution.store.batches import BatchStore
from maestro_services.execution.store.blobs import BlobStore
from maestro_services.execution.store.leases import QUEUE_TOPIC, LeaseStore
from maestro_services.execution.store.results import ResultStore
from maestro_services.execution.store.runs import CANCEL_TOPIC
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.wakeups import Wakeups, first_of

# How soon a session looks by itself for what another replica queued or cancelled, in seconds.
_POLL = 1.0


@dataclass(frozen=True)
class WorkTerms:
    """What every session is told in its welcome."""

    lease_seconds: float
    heartbeat_seconds: float
    max_unacknowledged_events: int


@dataclass(frozen=True)
class WorkStores:
    """What sessions work on."""

    leases: LeaseStore
    batches: BatchStore
    results: ResultStore
    blobs: BlobStore
    files: BlobFiles
    wakeups: Wakeups


class WorkSession:
    """The server's side of one Work stream, from its hello on.

    Three tasks: one commits what comes in, one hands out work, one passes cancellations on. Their answers go through
    one bounded queue, so a worker that does not read stops the tasks and not the server. A fault in one of them ends
    the stream with it.
    """

    def __init__(self, hello: pb.WorkerHello, stores: WorkStores, terms: WorkTerms, draining: asyncio.Event) -> None:
        self._worker_id = hello.worker_id
        self._slots = hello.slot_count
        self._named: Sequence[str] = hello.held_leases
        self._stores = stores
        self._terms = terms
        self._draining = draining
        self._answers: asyncio.Queue[pb.WorkResponse | Exception | None] = asyncio.Queue(maxsize=64)
        # Lease -> the sequence number of its last event that is committed or about to be.
        self._active: dict[str, int] = {}
        self._commits = Commits()
        self._cancelled: set[str] = set()
        self._changed = asyncio.Event()
        self._goodbye = False
        self._ended = asyncio.Event()

    def supersede(self) -> None:
        """Ends the stream: the worker has connected again."""
        self._goodbye = True
        self._ended.set()

    async def converse(self, requests: AsyncIterator[pb.WorkRequest]) -> AsyncIterator[pb.WorkResponse]:
        """Everything the server says, until the worker or the server goes."""
        held = await self._resume()
        yield responses.welcome(self._terms, held)
        inbox = Inbox(requests)
        jobs = (self._take_in(inbox), self._hand_out(), self._pass_on(), self._watch_end())
        tasks = [asyncio.create_task(self._guarded(job)) for job in (inbox.fill(), *jobs)]
        try:
            while (answer := await self._answers.get()) is not None:
                if isinstance(answer, Exception):
                    raise answer
                yield answer
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # Nobody reads answers any more: the commit under way must find room for its own.
            while not self._answers.empty():
                self._answers.get_nowait()
            await self._commits.settle()

    async def _guarded(self, job: Coroutine[Any, Any, None]) -> None:
        try:
            await job
        except Exception as error:  # noqa: BLE001 (it is raised again where the stream is answered)
            await self._answers.put(error)

    async def _resume(self) -> list[HeldLease]:
        """Takes up the leases that the worker still holds, and takes back those it does not name."""
        held = await self._stores.leases.renew(self._worker_id, self._named)
        await self._stores.leases.abandon(self._worker_id, self._named)
        self._active = {one.lease: one.acknowledged for one in held if one.running}
        return held

    async def _watch_end(self) -> None:
        await first_of(self._ended, self._draining, timeout=float("inf"))
        if self._draining.is_set():
            await self._answers.put(responses.drain())
        await self._answers.put(None)

    async def _take_in(self, inbox: Inbox) -> None:
        """Commits and acknowledges events in their order; ends the stream behind the worker's last message."""
        async for item in inbox.items():
            if isinstance(item, EventRun):
                await self._commit(item)
            elif item.HasField("heartbeat"):
                await self._look_after(list(item.heartbeat.leases))
            elif item.HasField("goodbye"):
                self._goodbye = True
            else:
                raise ServiceError(Reason.HELLO_EXPECTED, "hello comes first and once", expected="hello, once")
        await self._commits.settle()
        await self._answers.put(None)

    async def _commit(self, events: EventRun) -> None:
        """Folds events while those before them are being committed."""
        lease = events.lease
        known = await self._known(lease)
        if known is None:
            await self._lose(lease)
            return
        fresh = events.behind(known)
        if not fresh:
            await self._commits.settle()
            await self._answers.put(responses.acknowledgement(lease, known))
            return
        batch = fold(known + 1, fresh, len(fresh))
        self._active[lease] = batch.last_sequence
        await self._commits.start(lambda: self._guarded(self._write(lease, batch)))

    async def _write(self, lease: str, batch: Batch) -> None:
        if not await self._stores.batches.commit(lease, self._worker_id, batch):
            await self._lose(lease)
            return
        if batch.finish is not None:
            self._free(lease)
        await self._answers.put(responses.acknowledgement(lease, batch.last_sequence))

    async def _known(self, lease: str) -> int | None:
        """The last event of a lease that came; None if it is not the worker's. An ended one may still be resent."""
        if lease not in self._active:
            await self._commits.settle()
            held = await self._stores.leases.renew(self._worker_id, [lease])
            return held[0].acknowledged if held else None
        return self._active[lease]

    async def _lose(self, lease: str) -> None:
        self._free(lease)
        await self._answers.put(responses.lease_lost(lease))

    def _free(self, lease: str) -> None:
        self._active.pop(lease, None)
        self._cancelled.discard(lease)
        self._changed.set()

    async def _look_after(self, leases: Sequence[str]) -> None:
        """Renews leases; tells the worker which are lost and which to cancel."""
        held = {one.lease: one for one in await self._stores.leases.renew(self._worker_id, leases)}
        for lease in leases:
            if lease not in held:
                await self._lose(lease)
            elif held[lease].running and held[lease].cancelling and lease not in self._cancelled:
                self._cancelled.add(lease)
                await self._answers.put(responses.cancellation(lease))

    async def _pass_on(self) -> None:
        """Tells of cancellations at once; those of other replicas are found with the heartbeats."""
        while True:
            woken = self._stores.wakeups.subscribe(CANCEL_TOPIC)
            await self._look_after(list(self._active))
            await woken.wait()

    async def _hand_out(self) -> None:
        """Assigns work while there are free slots."""
        while not self._goodbye:
            self._changed.clear()
            woken = self._stores.wakeups.subscribe(QUEUE_TOPIC)
            if len(self._active) < self._slots:
                leased = await finished(self._stores.leases.lease_next(self._worker_id))
                if leased is not None:
                    await self._assign(leased)
                    continue
            await first_of(self._changed, woken, timeout=_POLL)

    async def _assign(self, leased: LeasedAction) -> None:
        self._active[leased.lease] = 0
        completed = await self._completed_tests(leased) if leased.attempt_number > 1 else None
        await self._answers.put(pb.WorkResponse(assignment=assignment(leased, completed)))

    async def _completed_tests(self, leased: LeasedAction) -> BlobRef:
        """A blob with the ids of the tests that earlier attempts have completed."""
        test_ids = await self._stores.results.completed_tests(leased.run_key)
        blob = await self._stores.files.put(json.dumps(test_ids).encode())
        await self._stores.blobs.grant(leased.project, [blob])
        return blob
