"""Two replicas of the service on one PostgreSQL: one log, one order, one history."""

import asyncio
from itertools import pairwise
from typing import Any

from maestro.audit.v1 import audit_service_pb2, event_pb2
from maestro_client import Maestro, connect
from maestro_client.transparency import VerifierKey, open_checkpoint, verify_consistency
from maestro_services.audit.compose import compose

PROJECTS = ("projects/demo", "projects/other")


async def append(client: Maestro, count: int, key: str) -> list[tuple[str, int]]:
    places = []
    for n in range(count):
        parent = PROJECTS[n % 2]
        events = [event_pb2.Event(kind="execution.run.create", idempotency_key=f"{key}/{n}/{one}") for one in range(3)]
        answer = await client.audit.append_events(audit_service_pb2.AppendEventsRequest(parent=parent, events=events))
        places += [(parent, one.log_index) for one in answer.events]
    return places


async def note_of(client: Maestro, parent: str) -> str:
    request = audit_service_pb2.GetCheckpointRequest(name=f"{parent}/checkpoint")
    return str((await client.audit.get_checkpoint(request)).checkpoint.note)


async def key_of(client: Maestro, parent: str) -> VerifierKey:
    request = audit_service_pb2.GetLogKeyRequest(name=f"{parent}/logKey")
    return VerifierKey.parse((await client.audit.get_log_key(request)).log_key.verifier_key)


async def test_replicas_share_one_order_and_one_history(host: Any, postgres_url: str) -> None:
    async with (
        host(compose, database_url=postgres_url) as first,
        host(compose, database_url=postgres_url) as second,
        connect(first.address, first.token) as one,
        connect(second.address, second.token) as two,
    ):
        rounds = await asyncio.gather(append(one, 12, "a"), append(two, 12, "b"), append(one, 12, "c"))
        places = [place for answers in rounds for place in answers]
        assert sorted(places) == sorted((parent, index) for parent in PROJECTS for index in range(54))
        for parent in PROJECTS:
            assert await note_of(one, parent) == await note_of(two, parent)


async def test_an_event_sent_to_both_replicas_stands_once(host: Any, postgres_url: str) -> None:
    async with (
        host(compose, database_url=postgres_url) as first,
        host(compose, database_url=postgres_url) as second,
        connect(first.address, first.token) as one,
        connect(second.address, second.token) as two,
    ):
        rounds = await asyncio.gather(*(append(client, 4, "same") for client in (one, two, one, two)))
        assert all(answers == rounds[0] for answers in rounds)


async def test_one_replica_watches_what_the_other_appends(host: Any, postgres_url: str) -> None:
    async with (
        host(compose, database_url=postgres_url) as first,
        host(compose, database_url=postgres_url) as second,
        connect(first.address, first.token) as one,
        connect(second.address, second.token) as two,
    ):
        watch = two.audit.watch_events(audit_service_pb2.WatchEventsRequest(parent=PROJECTS[0]))
        await anext(watch)
        await append(one, 1, "watched")
        response = await asyncio.wait_for(anext(watch), 10)
        assert [event.log_index for event in response.events] == [0, 1, 2]
        await watch.aclose()  # type: ignore[attr-defined]


async def test_checkpoints_of_both_replicas_are_of_one_growing_log(host: Any, postgres_url: str) -> None:
    async with (
        host(compose, database_url=postgres_url) as first,
        host(compose, database_url=postgres_url) as second,
        connect(first.address, first.token) as one,
        connect(second.address, second.token) as two,
    ):
        notes = []
        for count, client in enumerate((one, two, one, two)):
            await append(client, 2, f"grow/{count}")
            notes.append(await note_of(client, PROJECTS[0]))
        key = await key_of(two, PROJECTS[0])
        checkpoints = [open_checkpoint(note, key) for note in notes]
        for old, new in pairwise(checkpoints):
            request = audit_service_pb2.GetConsistencyProofRequest(
                parent=PROJECTS[0], first_size=old.size, second_size=new.size
            )
            proof = (await one.audit.get_consistency_proof(request)).consistency_proof
            verify_consistency(old.size, new.size, old.root, new.root, proof.hashes)
