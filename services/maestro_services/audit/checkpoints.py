"""Signs what the logs hold, and keeps what it signed before anybody sees it."""

import asyncio
from dataclasses import replace

import structlog
from maestro_client.transparency import Checkpoint, VerificationError, VerifierKey, open_checkpoint

from maestro_services.audit.domain.log import LogState
from maestro_services.audit.domain.merkle import Range
from maestro_services.audit.domain.proof import SignedLog
from maestro_services.audit.domain.tiles import LogDamageError, TileHashes, tiles_of
from maestro_services.audit.sequencer import Sequencer
from maestro_services.audit.signer import LogSigner
from maestro_services.audit.store import AuditStore
from maestro_services.runtime.clock import Clock
from maestro_services.runtime.errors import ServiceError, not_found
from maestro_services.runtime.wakeups import first_of

_LOG = structlog.get_logger()


class Checkpoints:
    """The newest signed checkpoint of each log.

    One root is signed for one size and never another: a tree is signed only if its tiles give its root, and the root
    that was signed last where it had that size.
    """

    def __init__(self, store: AuditStore, signer: LogSigner, clock: Clock) -> None:
        self._store = store
        self._signer = signer
        self._clock = clock

    async def newest(self, project: str, *, covering: int | None = None) -> SignedLog:
        """The log with a checkpoint of its whole tree, or of at least `covering` events if that is enough."""
        state = await self._store.state(project)
        if state is None:
            raise not_found(f"projects/{project}/checkpoint")
        if not state.note or state.note_size < (state.size if covering is None else covering):
            state = await self._signed(state)
        return self.opened(state)

    def opened(self, state: LogState) -> SignedLog:
        """The log with its stored checkpoint; LogDamageError if that is not what the log signed."""
        checkpoint = checkpoint_of(state, self.key(state))
        return SignedLog(state, checkpoint.size, checkpoint.root)

    def key(self, state: LogState) -> VerifierKey:
        """The key that verifies the checkpoints of a log."""
        return self._signer.verifier_key(state.origin)

    async def _signed(self, state: LogState) -> LogState:
        async with self._store.database.write() as transaction:
            now = self._clock()
            current = await self._store.locked(transaction, state.project, state.origin, now)
            if current.note_size == current.size:
                return current
            await self._check(current)
            note = self._signer.sign(Checkpoint(current.origin, current.size, current.root))
            await self._store.save_note(transaction, current, note, now)
        return replace(current, note=note, note_size=current.size, note_time=now)

    async def _check(self, state: LogState) -> None:
        whole, signed = Range(0, state.size), Range(0, max(state.note_size, 0))
        hashes = TileHashes(await self._store.tiles(state.project, tiles_of([whole, signed])))
        if hashes.root(whole) != state.root:
            raise LogDamageError(f"the tiles of projects/{state.project} do not give its root")
        if state.note and hashes.root(signed) != self.opened(state).root:
            raise LogDamageError(f"the tree of projects/{state.project} does not go on from its last checkpoint")


def checkpoint_of(state: LogState, key: VerifierKey) -> Checkpoint:
    """The checkpoint that is stored with a log; LogDamageError if it is not what the log signed."""
    try:
        checkpoint = open_checkpoint(state.note, key)
    except VerificationError as error:
        raise LogDamageError(f"the checkpoint of projects/{state.project} does not hold: {error}") from error
    if checkpoint.size != state.note_size:
        raise LogDamageError(f"the checkpoint of projects/{state.project} has not the size that is stored with it")
    return checkpoint


class CheckpointLoop:
    """Brings new events under a checkpoint soon, whether or not somebody asks for one."""

    def __init__(self, checkpoints: Checkpoints, sequencer: Sequencer, period: float) -> None:
        self._checkpoints = checkpoints
        self._sequencer = sequencer
        self._period = period

    async def run(self, stop: asyncio.Event) -> None:
        """Signs until told to stop, and once more then."""
        while not await first_of(stop, timeout=self._period):
            await self.sign()
        await self.sign()

    async def sign(self) -> None:
        """Signs the logs that grew; what the storage does not take now comes with the next round."""
        grown, self._sequencer.grown = self._sequencer.grown, set()
        for project in sorted(grown):
            try:
                await self._checkpoints.newest(project)
            except LogDamageError as error:
                _LOG.error("log is damaged; nothing more of it is signed", project=project, detail=error.message)
            except ServiceError as error:
                self._sequencer.grown.add(project)
                _LOG.warning("checkpoint not stored; trying again", project=project, reason=error.reason.name)
