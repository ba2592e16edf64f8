"""Checkpoints that nobody asks for come by themselves, and are not given up when the storage fails once."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from maestro_services.audit.checkpoints import CheckpointLoop, Checkpoints
from maestro_services.audit.domain.event import Actor, ActorKind, Draft, event_id
from maestro_services.audit.sequencer import Sequencer
from maestro_services.audit.signer import LogSigner
from maestro_services.audit.store import AuditStore
from maestro_services.runtime.clock import utc_now
from maestro_services.runtime.errors import Reason, ServiceError

SELF = Actor(ActorKind.SERVICE, "shipper")


async def fail(*_arguments: Any) -> None:
    raise ServiceError(Reason.STORAGE_UNAVAILABLE, "the disk is full")


async def signed_size(store: AuditStore, project: str) -> int:
    state = await store.state(project)
    assert state is not None
    return state.note_size


async def test_a_log_whose_checkpoint_failed_is_signed_in_the_next_round(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = LogSigner(Ed25519PrivateKey.generate(), host="maestro.dev")
    sequencer = Sequencer(store, signer, utc_now)
    loop = CheckpointLoop(Checkpoints(store, signer, utc_now), sequencer, 60.0)
    for project in ("a", "b"):
        await sequencer.append([Draft(event_id(project), project, "execution.run.create", SELF)])
    with monkeypatch.context() as patch:
        patch.setattr(type(store), "save_note", fail)
        await loop.sign()
    assert [await signed_size(store, project) for project in ("a", "b")] == [-1, -1]
    await loop.sign()
    assert [await signed_size(store, project) for project in ("a", "b")] == [1, 1]
