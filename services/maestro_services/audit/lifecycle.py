"""The service's own start and stop, in the log as everything else."""

from maestro_services.audit.checkpoints import CheckpointLoop
from maestro_services.audit.domain.event import Actor, ActorKind, Draft, event_id
from maestro_services.audit.sequencer import Sequencer
from maestro_services.runtime.ids import new_uid

_SELF = Actor(ActorKind.SERVICE, "audit")
# The log of what belongs to no tenant.
MESH = "mesh"


class Lifecycle:
    """Logs that the service starts and stops: an unlogged stop is a crash."""

    def __init__(self, sequencer: Sequencer, checkpoints: CheckpointLoop) -> None:
        self._sequencer = sequencer
        self._checkpoints = checkpoints

    async def started(self) -> None:
        """Logs the start."""
        await self._append("audit.start")

    async def stopped(self) -> None:
        """Logs the stop behind everything else, and signs it."""
        await self._append("audit.stop")
        await self._sequencer.close()
        await self._checkpoints.sign()

    async def _append(self, kind: str) -> None:
        draft = Draft(id=event_id("audit", new_uid()), project=MESH, kind=kind, actor=_SELF, service="audit")
        await self._sequencer.append([draft])
