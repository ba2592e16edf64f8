"""Checkpoints, keys and proofs, verified as a stranger would: with the key it kept and nothing else of the server."""

import stat
from pathlib import Path
from typing import Any

import pytest
from maestro.audit.v1 import audit_service_pb2, event_pb2
from maestro_client.errors import NotFound, OutOfRange, PermissionDenied
from maestro_client.transparency import VerifierKey, open_checkpoint, verify_consistency, verify_leaf
from maestro_services.audit.signer import signing_key

PROJECT = "projects/demo"


def events(count: int) -> list[event_pb2.Event]:
    return [event_pb2.Event(kind="execution.run.create") for _ in range(count)]


async def key_of(audit: Any) -> VerifierKey:
    answer = await audit.client.get_log_key(audit_service_pb2.GetLogKeyRequest(name=f"{PROJECT}/logKey"))
    return VerifierKey.parse(answer.log_key.verifier_key)


async def checkpoint_of(audit: Any) -> Any:
    request = audit_service_pb2.GetCheckpointRequest(name=f"{PROJECT}/checkpoint")
    return (await audit.client.get_checkpoint(request)).checkpoint


async def prove(audit: Any, name: str, size: int = 0) -> Any:
    request = audit_service_pb2.GetInclusionProofRequest(name=name, tree_size=size)
    return await audit.client.get_inclusion_proof(request)


async def test_every_event_is_proved_under_a_checkpoint_of_the_logs_key(audit: Any) -> None:
    appended = await audit.append(*events(300))
    key = await key_of(audit)
    for one in appended[::37]:
        answer = await prove(audit, one.name)
        proof = answer.inclusion_proof
        checkpoint = verify_leaf(proof.leaf, one.log_index, proof.hashes, answer.checkpoint.note, key)
        assert checkpoint.size == answer.checkpoint.tree_size == proof.tree_size
        assert checkpoint.root == answer.checkpoint.root_hash
        assert checkpoint.origin == answer.checkpoint.origin


async def test_a_proof_covers_an_event_as_soon_as_it_was_appended(audit: Any) -> None:
    for size in range(1, 6):
        (one,) = await audit.append(*events(1))
        checkpoint = await checkpoint_of(audit)
        assert (one.log_index, checkpoint.tree_size) == (size - 1, size)
        assert (await prove(audit, one.name)).inclusion_proof.log_index == one.log_index


async def test_every_later_checkpoint_is_consistent_with_every_earlier_one(audit: Any) -> None:
    seen = []
    for count in (1, 1, 6, 250, 3):
        await audit.append(*events(count))
        key = await key_of(audit)
        seen.append(open_checkpoint((await checkpoint_of(audit)).note, key))
    for old in seen:
        request = audit_service_pb2.GetConsistencyProofRequest(parent=PROJECT, first_size=old.size)
        answer = await audit.client.get_consistency_proof(request)
        new = open_checkpoint(answer.checkpoint.note, key)
        proof = answer.consistency_proof
        verify_consistency(old.size, new.size, old.root, new.root, proof.hashes)
        assert (proof.first_size, proof.second_size) == (old.size, new.size)


async def test_proofs_hold_for_the_tree_that_the_caller_names(audit: Any) -> None:
    first = await audit.append(*events(5))
    key = await key_of(audit)
    kept = await checkpoint_of(audit)
    await audit.append(*events(20))
    proof = (await prove(audit, first[2].name, size=5)).inclusion_proof
    assert verify_leaf(proof.leaf, 2, proof.hashes, kept.note, key).size == 5


async def test_key_and_checkpoint_outlive_a_restart(serve: Any) -> None:
    async with serve() as audit:
        await audit.append(*events(3))
        before = await key_of(audit), (await checkpoint_of(audit)).note
    async with serve() as audit:
        assert (await key_of(audit), (await checkpoint_of(audit)).note) == before


def test_the_signing_key_is_made_once_and_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    first, second = signing_key(file, create=True), signing_key(file, create=True)
    assert first.private_bytes_raw() == second.private_bytes_raw()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_logs_of_different_projects_have_different_origins_and_key_names(audit: Any) -> None:
    await audit.append(*events(1))
    await audit.append(*events(1), parent="projects/other")
    mine = await audit.client.get_log_key(audit_service_pb2.GetLogKeyRequest(name=f"{PROJECT}/logKey"))
    other = await audit.client.get_log_key(audit_service_pb2.GetLogKeyRequest(name="projects/other/logKey"))
    assert mine.log_key.origin.endswith("/demo")
    assert other.log_key.origin.endswith("/other")
    assert mine.log_key.verifier_key != other.log_key.verifier_key


async def test_a_project_without_a_log_has_no_checkpoint_and_no_key(embedded: Any) -> None:
    with pytest.raises(NotFound):
        await checkpoint_of(embedded)
    with pytest.raises(NotFound):
        await key_of(embedded)
    with pytest.raises(NotFound):
        await prove(embedded, f"{PROJECT}/events/nothing")
    with pytest.raises(NotFound):
        await embedded.client.get_consistency_proof(
            audit_service_pb2.GetConsistencyProofRequest(parent=PROJECT, first_size=1)
        )
    with pytest.raises(NotFound):
        await embedded.client.verify_event(audit_service_pb2.VerifyEventRequest(name=f"{PROJECT}/events/nothing"))


async def test_sizes_beyond_the_log_are_out_of_range(embedded: Any) -> None:
    appended = await embedded.append(*events(3))
    for size in (2, 4):
        with pytest.raises(OutOfRange) as caught:
            await prove(embedded, appended[2].name, size=size)
        assert caught.value.reason == "LOG_RANGE"
    for first, second in ((4, 0), (3, 2), (1, 4)):
        with pytest.raises(OutOfRange) as caught:
            await embedded.client.get_consistency_proof(
                audit_service_pb2.GetConsistencyProofRequest(parent=PROJECT, first_size=first, second_size=second)
            )
        assert caught.value.reason == "LOG_RANGE"


async def test_strangers_are_proved_nothing(embedded: Any) -> None:
    (one,) = await embedded.append(*events(1))
    client = embedded.as_("stranger")
    calls = [
        client.get_checkpoint(audit_service_pb2.GetCheckpointRequest(name=f"{PROJECT}/checkpoint")),
        client.get_log_key(audit_service_pb2.GetLogKeyRequest(name=f"{PROJECT}/logKey")),
        client.get_inclusion_proof(audit_service_pb2.GetInclusionProofRequest(name=one.name)),
        client.get_consistency_proof(audit_service_pb2.GetConsistencyProofRequest(parent=PROJECT, first_size=1)),
        client.verify_event(audit_service_pb2.VerifyEventRequest(name=one.name)),
    ]
    for call in calls:
        with pytest.raises(PermissionDenied):
            await call


async def test_an_untouched_event_passes_every_step(audit: Any) -> None:
    appended = await audit.append(*events(10))
    answer = await audit.client.verify_event(audit_service_pb2.VerifyEventRequest(name=appended[4].name))
    assert answer.verified
    assert [step.kind for step in answer.steps] == [1, 2, 3, 4, 5]
    assert all(step.verdict == audit_service_pb2.VerificationStep.VERDICT_PASSED for step in answer.steps)
    proof = answer.inclusion_proof
    verify_leaf(proof.leaf, 4, proof.hashes, answer.checkpoint.note, await key_of(audit))
    assert answer.event.name == appended[4].name
