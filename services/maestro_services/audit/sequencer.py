"""The one writer of the logs: what is submitted at the same time becomes durable in one transaction."""

import asyncio
import contextvars
from collections import deque
from dataclasses import dataclass, field, replace

from maestro_services.audit.domain.event import Draft
from maestro_services.audit.domain.log import Answer, LogWriter
from maestro_services.audit.domain.tiles import LogDamageError
from maestro_services.audit.signer import LogSigner
from maestro_services.audit.store import AuditStore, ProducerMark
from maestro_services.runtime.clock import Clock
from maestro_services.runtime.database import Transaction

# Beyond so many events a transaction gets no cheaper an event, and those who wait would wait longer.
_COMMIT_EVENTS = 4_000

Answers = asyncio.Future[list[Answer]]


def _future() -> Answers:
    return asyncio.get_running_loop().create_future()


@dataclass(eq=False)
class Submission:
    """Events to append in their order; with `atomic`, all of them or none."""

    drafts: list[Draft]
    atomic: bool = True
    mark: ProducerMark | None = None
    answers: Answers = field(default_factory=_future)


class Sequencer:
    """Appends submissions in the order in which they come.

    Replicas of the service take turns by the lock on the log's row, so that each log has one order.
    """

    def __init__(self, store: AuditStore, signer: LogSigner, clock: Clock) -> None:
        self._store = store
        self._signer = signer
        self._clock = clock
        self._pending: deque[Submission] = deque()
        self._committing: asyncio.Task[None] | None = None
        # The projects whose logs grew since somebody last took them from here.
        self.grown: set[str] = set()

    def submit(self, submission: Submission) -> Answers:
        """Queues a submission; the future has its answers once they are durable."""
        self._pending.append(submission)
        if self._committing is None:
            # A context of its own: the transaction is not that of the call that happened to come first.
            self._committing = asyncio.create_task(self._commit_all(), context=contextvars.Context())
        return submission.answers

    async def append(self, drafts: list[Draft]) -> list[Answer]:
        """Appends events, all or none; a caller that goes away does not take them back."""
        return await asyncio.shield(self.submit(Submission(drafts)))

    async def close(self) -> None:
        """Waits until everything submitted is settled."""
        while self._committing is not None:
            await asyncio.wait([self._committing])

    async def _commit_all(self) -> None:
        try:
            while self._pending:
                batch = self._next_batch()
                try:
                    await self._commit(batch)
                except Exception as error:  # noqa: BLE001 (handed to everybody who waits)
                    for submission in batch:
                        _fail(submission, error)
        finally:
            self._committing = None

    def _next_batch(self) -> list[Submission]:
        batch = [self._pending.popleft()]
        count = len(batch[0].drafts)
        while self._pending and count + len(self._pending[0].drafts) <= _COMMIT_EVENTS:
            batch.append(self._pending.popleft())
            count += len(batch[-1].drafts)
        return batch

    async def _commit(self, batch: list[Submission]) -> None:
        settled: list[tuple[Submission, list[Answer]]] = []
        async with self._store.database.write() as transaction:
            writers, damage = await self._writers(transaction, batch)
            for submission in batch:
                found = next((damage[draft.project] for draft in submission.drafts if draft.project in damage), None)
                if found is not None:
                    _fail(submission, found)
                    continue
                settled.append((submission, self._append(submission, writers)))
            for writer in writers.values():
                await self._store.save(transaction, writer)
            for mark in _joined([submission.mark for submission, _answers in settled if submission.mark]):
                await self._store.advance(transaction, mark)
        self.grown |= writers.keys()
        for submission, answers in settled:
            if not submission.answers.done():
                submission.answers.set_result(answers)

    async def _writers(
        self, transaction: Transaction, batch: list[Submission]
    ) -> tuple[dict[str, LogWriter], dict[str, LogDamageError]]:
        ids: dict[str, set[str]] = {}
        for submission in batch:
            for draft in submission.drafts:
                ids.setdefault(draft.project, set()).add(draft.id)
        writers: dict[str, LogWriter] = {}
        damage: dict[str, LogDamageError] = {}
        # Always in the same order, so that replicas never wait for each other in a circle.
        for project in sorted(ids):
            state = await self._store.locked(transaction, project, self._signer.origin(project), self._clock())
            try:
                writers[project] = await self._store.writer(transaction, state, ids[project])
            except LogDamageError as error:
                damage[project] = error
        return writers, damage

    def _append(self, submission: Submission, writers: dict[str, LogWriter]) -> list[Answer]:
        now = self._clock()
        if submission.atomic:
            return writers[submission.drafts[0].project].append(submission.drafts, now, atomic=True)
        return [
            answer
            for draft in submission.drafts
            for answer in writers[draft.project].append([draft], now, atomic=False)
        ]


def _joined(marks: list[ProducerMark]) -> list[ProducerMark]:
    """The marks with those of one producer that follow on each other made one."""
    joined: list[ProducerMark] = []
    for mark in sorted(marks, key=lambda mark: (mark.reporter, mark.producer_id, mark.epoch, mark.previous)):
        last = joined[-1] if joined else None
        if last is not None and last.is_followed_by(mark):
            joined[-1] = replace(last, last=max(last.last, mark.last))
        else:
            joined.append(mark)
    return joined


def _fail(submission: Submission, error: Exception) -> None:
    if not submission.answers.done():
        submission.answers.set_exception(error)
        # Read once, so that a caller who went away is no warning.
        submission.answers.exception()
