"""A project's log while events are appended to it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from maestro_services.audit.domain.event import MAX_LEAF_BYTES, Draft, Event, leaf_of, same_content
from maestro_services.audit.domain.merkle import leaf_hash
from maestro_services.audit.domain.tiles import LogDamageError, TileId, TileWriter
from maestro_services.runtime.errors import Reason


@dataclass(frozen=True)
class LogState:
    """What is stored of a log beside its entries and tiles.

    `update_time` is that of the newest entry; the note is its last signed checkpoint, "" of size -1 if it has none.
    """

    project: str
    origin: str
    size: int
    root: bytes
    update_time: datetime
    note: str
    note_size: int
    note_time: datetime


@dataclass(frozen=True)
class Entry:
    """A leaf in its place."""

    event: Event
    leaf: bytes


@dataclass(frozen=True)
class Appended:
    """An event that stands in the log; `repeated` if it did before."""

    id: str
    log_index: int
    repeated: bool = False


@dataclass(frozen=True)
class Refused:
    """An event that can never be appended."""

    reason: Reason
    message: str


Answer = Appended | Refused


class LogWriter:
    """Appends drafts to a log in memory; what it gained is then stored in one transaction.

    `known` holds the stored leaves that have the id of a draft. A batch taken back leaves no trace.
    """

    def __init__(self, state: LogState, edge: Mapping[TileId, bytes], known: Mapping[str, tuple[int, bytes]]) -> None:
        self._state = state
        self._tree = TileWriter(state.size, edge)
        if self._tree.root() != state.root:
            raise LogDamageError(f"the tiles of projects/{state.project} do not give its root")
        self._known = dict(known)
        self._time = state.update_time
        self.entries: list[Entry] = []

    def append(self, drafts: list[Draft], now: datetime, *, atomic: bool) -> list[Answer]:
        """Appends drafts in order; with `atomic`, nothing if one of them is refused."""
        mark, time = len(self.entries), self._time
        self._time = max(self._time, now)
        answers = [self._append_one(draft) for draft in drafts]
        if atomic and any(isinstance(answer, Refused) for answer in answers):
            for entry in self.entries[mark:]:
                del self._known[entry.event.draft.id]
            del self.entries[mark:]
            self._time = time
        return answers

    def finish(self) -> tuple[LogState, dict[TileId, bytes]]:
        """The log's new state and its changed tiles."""
        for entry in self.entries:
            self._tree.append(leaf_hash(entry.leaf))
        state = replace(self._state, size=self._tree.size, root=self._tree.root(), update_time=self._time)
        return state, self._tree.finish()

    def _append_one(self, draft: Draft) -> Answer:
        leaf = leaf_of(draft, self._time)
        if len(leaf) > MAX_LEAF_BYTES:
            return Refused(Reason.FIELD_INVALID, f"its leaf has {len(leaf)} bytes; {MAX_LEAF_BYTES} are allowed")
        if draft.id in self._known:
            log_index, stored = self._known[draft.id]
            if same_content(stored, leaf):
                return Appended(draft.id, log_index, repeated=True)
            return Refused(Reason.EVENT_CONFLICT, "its idempotency key was used for another event")
        log_index = self._state.size + len(self.entries)
        self.entries.append(Entry(Event(draft, log_index, self._time), leaf))
        self._known[draft.id] = (log_index, leaf)
        return Appended(draft.id, log_index)
