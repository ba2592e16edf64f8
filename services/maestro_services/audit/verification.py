"""Has every step from a stored leaf to the signed checkpoint checked, and says what each found."""

from contextlib import suppress

from maestro_client.transparency import VerificationError, verify_inclusion

from maestro_services.audit.checkpoints import Checkpoints
from maestro_services.audit.domain.event import Event
from maestro_services.audit.domain.log import LogState
from maestro_services.audit.domain.merkle import Node, inclusion_path, leaf_hash
from maestro_services.audit.domain.proof import Inclusion, Step, StepKind, Verification
from maestro_services.audit.domain.tiles import LogDamageError, TileHashes, tile_of
from maestro_services.audit.proofs import Prover
from maestro_services.audit.store import AuditStore, StoredEntry
from maestro_services.runtime.errors import not_found


class Verifier:
    """Verifies stored events."""

    def __init__(self, store: AuditStore, checkpoints: Checkpoints, prover: Prover) -> None:
        self._store = store
        self._checkpoints = checkpoints
        self._prover = prover

    async def verify(self, project: str, event_id: str) -> Verification:
        """Verifies an event. A log too damaged to be signed again is checked against its last checkpoint."""
        entry = await self._store.entry(project, event_id)
        state = await self._store.state(project)
        if entry is None or state is None:
            raise not_found(f"projects/{project}/events/{event_id}")
        with suppress(LogDamageError):
            state = (await self._checkpoints.newest(project, covering=entry.log_index + 1)).state
        event, leaf_step = _check_leaf(entry, project, event_id)
        inclusion, inclusion_step = await self._check_inclusion(entry, state)
        steps = [
            leaf_step,
            _check_index(entry, event),
            await self._check_leaf_hash(entry, project),
            inclusion_step,
            self._check_checkpoint(state),
        ]
        return Verification(steps, event, inclusion)

    async def _check_leaf_hash(self, entry: StoredEntry, project: str) -> Step:
        node = Node(0, entry.log_index)
        tiles = TileHashes(await self._store.tiles(project, [tile_of(node)]))
        try:
            passed = tiles.node(node) == leaf_hash(entry.leaf)
        except LogDamageError as error:
            return Step(StepKind.LEAF_HASH, passed=False, detail=error.message)
        relation = "is" if passed else "is not"
        detail = f"SHA-256 of the leaf {relation} hash {entry.log_index} of the tree: {leaf_hash(entry.leaf).hex()}"
        return Step(StepKind.LEAF_HASH, passed, detail)

    async def _check_inclusion(self, entry: StoredEntry, state: LogState) -> tuple[Inclusion | None, Step]:
        try:
            log = self._checkpoints.opened(state)
            if entry.log_index >= log.size:
                raise LogDamageError("no checkpoint covers the event, and the log can not be signed any more")
            path = inclusion_path(entry.log_index, log.size)
            hashes = await self._prover.hashes(state.project, path)
            verify_inclusion(leaf_hash(entry.leaf), entry.log_index, log.size, hashes, log.root)
        except (LogDamageError, VerificationError) as error:
            return None, Step(StepKind.INCLUSION, passed=False, detail=str(error))
        detail = f"{len(hashes)} hashes lead from the leaf to the root of {log.size} events"
        inclusion = Inclusion(entry.leaf, entry.log_index, log.size, hashes, log)
        return inclusion, Step(StepKind.INCLUSION, passed=True, detail=detail)

    def _check_checkpoint(self, state: LogState) -> Step:
        try:
            self._checkpoints.opened(state)
        except LogDamageError as error:
            return Step(StepKind.CHECKPOINT, passed=False, detail=error.message)
        return Step(StepKind.CHECKPOINT, passed=True, detail=f"signed by {self._checkpoints.key(state)}")


def _check_leaf(entry: StoredEntry, project: str, event_id: str) -> tuple[Event | None, Step]:
    try:
        event = entry.event()
    except LogDamageError as error:
        return None, Step(StepKind.LEAF, passed=False, detail=error.message)
    passed = (event.draft.project, event.draft.id) == (project, event_id)
    detail = f"canonical JSON of {len(entry.leaf)} bytes" if passed else "the leaf is that of another event"
    return event, Step(StepKind.LEAF, passed, detail)


def _check_index(entry: StoredEntry, event: Event | None) -> Step:
    passed = event is not None and entry.agrees_with(event)
    detail = "queries see what the leaf says" if passed else "queries see something else than the leaf says"
    return Step(StepKind.INDEX, passed, detail)
