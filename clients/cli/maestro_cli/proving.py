"""Proves on this machine that an event stands in the log, without trust in the server that shows it."""

import dataclasses
import json
from typing import Any

from maestro.audit.v1 import audit_service_pb2
from maestro_client import Maestro
from maestro_client.transparency import (
    Checkpoint,
    VerificationError,
    VerifierKey,
    leaf_hash,
    open_checkpoint,
    verify_consistency,
    verify_inclusion,
)

from .failures import Failure
from .known_logs import KnownLogs

_ALTERED = "the record was altered, or is another log's: keep the log's files and look into it"


@dataclasses.dataclass(frozen=True, slots=True)
class Proved:
    """What was proved of an event."""

    event: str
    log_index: int
    checkpoint: Checkpoint
    key: VerifierKey
    key_was_known: bool
    consistent_from: int
    leaf: dict[str, Any]


async def prove(maestro: Maestro, parent: str, event: str, logs: KnownLogs, trusted_key: str | None) -> Proved:
    """Verify leaf, inclusion proof, signature of the checkpoint, and that the log only grew since it was last seen.

    The key is the given one, else the one that was seen first on this machine. Raises Failure for what does not hold.
    """
    try:
        key, known = await _key(maestro, parent, logs, trusted_key)
        request = audit_service_pb2.GetInclusionProofRequest(name=event)
        answer = await maestro.audit.get_inclusion_proof(request)
        checkpoint = open_checkpoint(answer.checkpoint.note, key)
        proof = answer.inclusion_proof
        verify_inclusion(leaf_hash(proof.leaf), proof.log_index, checkpoint.size, proof.hashes, checkpoint.root)
        leaf = _leaf(proof.leaf, event)
        since = await _grown(maestro, parent, logs, checkpoint)
    except VerificationError as error:
        raise Failure(f"{event} is not proved: {error}", _ALTERED) from None
    logs.keep(key, checkpoint)
    return Proved(event, proof.log_index, checkpoint, key, known, since, leaf)


async def _key(maestro: Maestro, parent: str, logs: KnownLogs, trusted: str | None) -> tuple[VerifierKey, bool]:
    if trusted:
        return VerifierKey.parse(trusted), True
    response = await maestro.audit.get_log_key(audit_service_pb2.GetLogKeyRequest(name=f"{parent}/logKey"))
    key = VerifierKey.parse(response.log_key.verifier_key)
    return key, logs.check_key(key)


def _leaf(data: bytes, event: str) -> dict[str, Any]:
    leaf: dict[str, Any] = json.loads(data)
    name = f"projects/{leaf.get('project')}/events/{leaf.get('id')}"
    if name != event:
        raise VerificationError(f"the leaf is that of {name}")
    return leaf


async def _grown(maestro: Maestro, parent: str, logs: KnownLogs, checkpoint: Checkpoint) -> int:
    """Verify that the log begins with what was seen of it before; returns that size, 0 if nothing was."""
    known = logs.recall(checkpoint.origin)
    if known is None or not known.size:
        return 0
    if checkpoint.size < known.size:
        raise VerificationError(f"the log had {known.size} events before, and has {checkpoint.size} now")
    request = audit_service_pb2.GetConsistencyProofRequest(
        parent=parent, first_size=known.size, second_size=checkpoint.size
    )
    proof = (await maestro.audit.get_consistency_proof(request)).consistency_proof
    verify_consistency(known.size, checkpoint.size, known.root, checkpoint.root, proof.hashes)
    return known.size
