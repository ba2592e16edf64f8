"""One who can write the database changes something; the log says so, at the next look and at the next start."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from maestro.audit.v1 import audit_service_pb2, event_pb2
from maestro_client.errors import MaestroError
from maestro_client.transparency import leaf_hash
from maestro_services.audit.domain.tiles import TileWriter
from maestro_services.audit.tables import entries, logs, tiles
from maestro_services.runtime.settings import SettingsError
from sqlalchemy import delete, select, update

PROJECT = "projects/demo"
STEPS = audit_service_pb2.VerificationStep
COUNT = 300
VICTIM = 3

Tamper = Callable[[Any], Awaitable[None]]


def database_of(audit: Any) -> Any:
    return next(service.database for service in audit.running.services if service.name == "audit")


async def write(audit: Any, *statements: Any) -> None:
    async with database_of(audit).write() as transaction:
        for statement in statements:
            await transaction.execute(statement)


async def read(audit: Any, statement: Any) -> Any:
    async with database_of(audit).read() as connection:
        return (await connection.execute(statement)).scalars().all()


def entry(index: int = VICTIM) -> Any:
    return (entries.c.project == "demo") & (entries.c.log_index == index)


def tile(level: int) -> Any:
    return (tiles.c.project == "demo") & (tiles.c.level == level) & (tiles.c.position == 0)


async def forged_leaf(audit: Any) -> bytes:
    (leaf,) = await read(audit, select(entries.c.leaf).where(entry()))
    return bytes(leaf).replace(b"runs/r3", b"runs/r9")


async def change_a_leaf(audit: Any) -> None:
    await write(audit, update(entries).where(entry()).values(leaf=await forged_leaf(audit)))


async def change_a_leaf_and_its_hash(audit: Any) -> None:
    leaf = await forged_leaf(audit)
    (data,) = await read(audit, select(tiles.c.data).where(tile(0)))
    data = bytearray(data)
    data[VICTIM * 32 : (VICTIM + 1) * 32] = leaf_hash(leaf)
    changed = update(entries).where(entry()).values(leaf=leaf, target="projects/demo/runs/r9")
    await write(audit, changed, update(tiles).where(tile(0)).values(data=bytes(data)))


async def change_a_hash(audit: Any) -> None:
    (data,) = await read(audit, select(tiles.c.data).where(tile(0)))
    await write(audit, update(tiles).where(tile(0)).values(data=bytes([data[0] ^ 1]) + bytes(data[1:])))


async def change_an_upper_tile(audit: Any) -> None:
    (data,) = await read(audit, select(tiles.c.data).where(tile(1)))
    await write(audit, update(tiles).where(tile(1)).values(data=bytes([data[0] ^ 1]) + bytes(data[1:])))


async def delete_a_tile(audit: Any) -> None:
    await write(audit, delete(tiles).where(tile(0)))


async def change_the_checkpoint(audit: Any) -> None:
    (note,) = await read(audit, select(logs.c.note).where(logs.c.project == "demo"))
    await write(
        audit, update(logs).where(logs.c.project == "demo").values(note=note.replace(f"\n{COUNT}\n", "\n299\n"))
    )


async def change_what_queries_see(audit: Any) -> None:
    await write(audit, update(entries).where(entry()).values(target="projects/demo/runs/r9"))


async def rewrite_everything_but_the_signature(audit: Any) -> None:
    leaf, tree = await forged_leaf(audit), TileWriter()
    leaves = await read(audit, select(entries.c.leaf).where(entries.c.project == "demo").order_by(entries.c.log_index))
    for index, stored in enumerate(leaves):
        tree.append(leaf_hash(leaf if index == VICTIM else stored))
    forged = [update(entries).where(entry()).values(leaf=leaf, target="projects/demo/runs/r9")]
    for one, data in tree.finish().items():
        place = (tiles.c.project == "demo") & (tiles.c.level == one.level) & (tiles.c.position == one.position)
        forged.append(update(tiles).where(place).values(data=data))
    await write(audit, *forged, update(logs).where(logs.c.project == "demo").values(root=tree.root()))


async def change_the_root(audit: Any) -> None:
    await write(audit, update(logs).where(logs.c.project == "demo").values(root=bytes(32)))


async def delete_the_newest_entry(audit: Any) -> None:
    await write(audit, delete(entries).where(entry(COUNT - 1)))


async def append(audit: Any) -> str:
    told = [event_pb2.Event(kind="execution.run.create", target=f"{PROJECT}/runs/r{n}") for n in range(COUNT)]
    appended = await audit.append(*told)
    await audit.client.get_checkpoint(audit_service_pb2.GetCheckpointRequest(name=f"{PROJECT}/checkpoint"))
    return str(appended[VICTIM].name)


@pytest.mark.parametrize(
    ("tamper", "failed"),
    [
        (change_a_leaf, {STEPS.KIND_INDEX, STEPS.KIND_LEAF_HASH, STEPS.KIND_INCLUSION}),
        (change_a_leaf_and_its_hash, {STEPS.KIND_INCLUSION}),
        (change_a_hash, {STEPS.KIND_INCLUSION}),
        (delete_a_tile, {STEPS.KIND_LEAF_HASH, STEPS.KIND_INCLUSION}),
        (change_the_checkpoint, {STEPS.KIND_INCLUSION, STEPS.KIND_CHECKPOINT}),
        (change_what_queries_see, {STEPS.KIND_INDEX}),
        (rewrite_everything_but_the_signature, {STEPS.KIND_INCLUSION}),
    ],
)
async def test_verification_names_the_steps_that_do_not_hold(embedded: Any, tamper: Tamper, failed: set[int]) -> None:
    name = await append(embedded)
    await tamper(embedded)
    answer = await embedded.client.verify_event(audit_service_pb2.VerifyEventRequest(name=name))
    assert not answer.verified
    assert {step.kind for step in answer.steps if step.verdict == STEPS.VERDICT_FAILED} == failed


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (change_a_leaf, "event 3 is not what was appended"),
        (change_a_leaf_and_its_hash, "is not what its events give"),
        (change_a_hash, "event 0 is not what was appended"),
        (change_an_upper_tile, "tile 0 of level 1 is not what its events give"),
        (delete_a_tile, "leaf hashes 0 to 299 are incomplete"),
        (change_the_root, "the stored root is not that of its events"),
        (change_the_checkpoint, "the checkpoint of projects/demo does not hold"),
        (rewrite_everything_but_the_signature, "its events are not those of its last checkpoint"),
        (delete_the_newest_entry, "events between 0 and 299 are missing"),
    ],
)
async def test_a_service_does_not_start_on_an_altered_log(serve_embedded: Any, tamper: Tamper, sentence: str) -> None:
    async with serve_embedded() as audit:
        await append(audit)
        await tamper(audit)
    with pytest.raises(SettingsError, match=sentence):
        async with serve_embedded():
            pass


@pytest.mark.parametrize("tamper", [change_the_root, change_an_upper_tile])
async def test_nothing_is_appended_to_an_altered_log_and_others_go_on(embedded: Any, tamper: Tamper) -> None:
    await append(embedded)
    await tamper(embedded)
    with pytest.raises(MaestroError) as caught:
        await embedded.append(event_pb2.Event(kind="execution.run.create"))
    assert caught.value.reason == "LOG_DAMAGED"
    assert await embedded.append(event_pb2.Event(kind="execution.run.create"), parent="projects/other")


async def test_a_changed_checkpoint_is_not_served(embedded: Any) -> None:
    await append(embedded)
    await change_the_checkpoint(embedded)
    with pytest.raises(MaestroError) as caught:
        await embedded.client.get_checkpoint(audit_service_pb2.GetCheckpointRequest(name=f"{PROJECT}/checkpoint"))
    assert caught.value.reason == "LOG_DAMAGED"


async def test_a_leaf_that_cannot_be_read_is_data_loss(embedded: Any) -> None:
    name = await append(embedded)
    await write(embedded, update(entries).where(entry()).values(leaf=b"{}"))
    for call in (
        embedded.client.get_event(audit_service_pb2.GetEventRequest(name=name)),
        embedded.client.list_events(audit_service_pb2.ListEventsRequest(parent=PROJECT, page_size=500)),
    ):
        with pytest.raises(MaestroError) as caught:
            await call
        assert caught.value.reason == "LOG_DAMAGED"
