"""The stores keep their promises on SQLite and on PostgreSQL alike."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from maestro_services.execution.convert import encode_run, encode_worker
from maestro_services.execution.domain.batch import COLLECTED, Batch, Finish, Identity, Output, Progress
from maestro_services.execution.domain.run import Creator, NewRun, Run
from maestro_services.execution.domain.states import (
    ActionState,
    Cause,
    Disposition,
    LogStream,
    Outcome,
    RunState,
    Verdict,
)
from maestro_services.execution.domain.tree import BlobRef
from maestro_services.execution.domain.verdict import Decision
from maestro_services.execution.store.batches import BatchStore
from maestro_services.execution.store.blobs import BlobStore
from maestro_services.execution.store.filters import run_condition, test_condition
from maestro_services.execution.store.leases import LeaseStore
from maestro_services.execution.store.results import ResultStore
from maestro_services.execution.store.runs import RunStore
from maestro_services.execution.tables import metadata
from maestro_services.runtime.database import Database
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.outbox import Outbox

START = datetime(2026, 1, 1, tzinfo=UTC)
TTL = timedelta(seconds=15)


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@dataclasses.dataclass
class Stores:
    database: Database
    time: Time
    runs: RunStore
    leases: LeaseStore
    batches: BatchStore
    results: ResultStore
    blobs: BlobStore

    async def new_run(self, run_id: str, project: str = "p", **fields: object) -> Run:
        new = NewRun(project, run_id, f"uid-{run_id}", b"", "", {}, Creator(), 2, True, self.time.now)
        async with self.database.write() as transaction:
            return await self.runs.create(transaction, dataclasses.replace(new, **fields))

    async def cancel(self, run_id: str) -> Run:
        async with self.database.write() as transaction:
            return await self.runs.cancel(transaction, "p", run_id, "")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/execution.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def stores(database_url: str) -> AsyncIterator[Stores]:
    time = Time()
    database = Database(database_url, service="execution", clock=time)
    await database.open()
    yield Stores(
        database,
        time,
        RunStore(database, time, encode_run, 100),
        LeaseStore(database, time, encode_run, encode_worker, TTL),
        BatchStore(database, time, encode_run, TTL),
        ResultStore(database),
        BlobStore(database, time),
    )
    await database.close()


def identity(number: int) -> Identity:
    return Identity(f"key-{number}", f"t.py::test_{number}", "t.py", f"test_{number}", "", "t.py", number)


def ended(outcome: Outcome = Outcome.PASS) -> Progress:
    return Progress(Disposition.COMPLETED, outcome, 0, "", 1, 2_000_000_000, 1)


def running() -> Progress:
    return Progress(Disposition.RUNNING, 0, 0, "", 7, 0, 0)


def batch(first: int, progress: dict[int, Progress], **fields: object) -> Batch:
    identities = {identity(number).test_key: identity(number) for number in progress}
    states = {identity(number).test_key: state for number, state in progress.items()}
    return Batch(first, max(1, len(progress)), identities, states, **fields)


FINISH = Finish(Decision(Verdict.PASSED), b"")


async def test_the_migrations_make_what_the_tables_say(stores):
    async with stores.database.read() as connection:

        def difference(sync):
            return compare_metadata(MigrationContext.configure(sync), metadata)

        assert await connection.run_sync(difference) == []


async def test_results_are_inserted_updated_and_counted_once(stores):
    await stores.new_run("r")
    leased = await stores.leases.lease_next("w")
    first = batch(1, {1: COLLECTED, 2: COLLECTED, 3: running()})
    second = batch(4, {1: ended(), 2: ended(Outcome.FAIL), 4: ended(Outcome.SKIP)}, failures={"key-2": b""})

    for one in (first, first, second, second):
        assert await stores.batches.commit(leased.lease, "w", one)

    run = await stores.runs.get("p", "r")
    assert (run.counts.total, run.counts.completed) == (4, 3)
    assert (run.counts.passed, run.counts.failed, run.counts.skipped) == (1, 1, 1)
    tests = await stores.results.list_tests(run, None, 0, 10)
    assert [(test.position, test.disposition) for test in tests] == [
        (1, Disposition.COMPLETED),
        (2, Disposition.COMPLETED),
        (3, Disposition.RUNNING),
        (4, Disposition.COMPLETED),
    ]


async def test_a_result_that_comes_again_replaces_the_first(stores):
    await stores.new_run("r")
    leased = await stores.leases.lease_next("w")
    await stores.batches.commit(leased.lease, "w", batch(1, {1: ended(Outcome.FAIL)}, failures={"key-1": b"\x62\x00"}))

    await stores.batches.commit(leased.lease, "w", batch(2, {1: ended()}))

    run = await stores.runs.get("p", "r")
    assert (run.counts.total, run.counts.failed, run.counts.passed) == (1, 0, 1)
    (test,) = await stores.results.list_tests(run, None, 0, 10)
    assert (test.outcome, test.failures) == (Outcome.PASS, b"")


async def test_a_test_that_is_collected_again_keeps_its_result(stores):
    await stores.new_run("r")
    leased = await stores.leases.lease_next("w")
    await stores.batches.commit(leased.lease, "w", batch(1, {1: ended(Outcome.FAIL)}, failures={"key-1": b"\x62\x00"}))

    await stores.batches.commit(leased.lease, "w", batch(2, {1: COLLECTED}))

    run = await stores.runs.get("p", "r")
    assert (run.counts.total, run.counts.failed) == (1, 1)
    (test,) = await stores.results.list_tests(run, None, 0, 10)
    assert (test.outcome, test.failures) == (Outcome.FAIL, b"\x62\x00")


async def test_a_gap_and_a_strangers_lease_are_refused(stores):
    await stores.new_run("r")
    leased = await stores.leases.lease_next("w")

    assert not await stores.batches.commit(leased.lease, "other", batch(1, {1: ended()}))
    assert not await stores.batches.commit("nothing", "w", batch(1, {1: ended()}))
    with pytest.raises(ServiceError) as caught:
        await stores.batches.commit(leased.lease, "w", batch(2, {1: ended()}))
    assert caught.value.reason is Reason.SEQUENCE_MISMATCH


async def test_output_has_offsets_of_both_and_of_each_stream(stores):
    run = await stores.new_run("r")
    leased = await stores.leases.lease_next("w")
    pieces = [
        Output("key-1", LogStream.STDOUT, b"one"),
        Output("key-1", LogStream.STDERR, b"two!"),
        Output("", LogStream.STDOUT, b"run"),
    ]
    await stores.batches.commit(leased.lease, "w", batch(1, {1: running()}, output=pieces))
    more = [Output("key-1", LogStream.STDOUT, b"more"), Output("unknown", LogStream.STDERR, b"lost?")]
    await stores.batches.commit(leased.lease, "w", Batch(2, 1, output=more))

    async def read(key: str, stream: LogStream, offset: int = 0):
        chunks = await stores.results.read_log(run.key, key, stream, offset)
        return [(chunk.offset, chunk.stream_offset, chunk.data) for chunk in chunks]

    assert await read("key-1", LogStream.BOTH) == [(0, 0, b"one"), (3, 0, b"two!"), (7, 3, b"more")]
    assert await read("key-1", LogStream.STDERR) == [(3, 0, b"two!")]
    assert await read("", LogStream.BOTH) == [(0, 0, b"run"), (3, 0, b"lost?")]
    (test,) = await stores.results.list_tests(run, None, 0, 10)
    assert (test.stdout_bytes, test.stderr_bytes) == (7, 4)


async def test_an_expired_lease_is_begun_again_until_no_attempt_is_left(stores):
    await stores.new_run("r")
    first = await stores.leases.lease_next("w1")
    progress = {1: ended(), 2: running(), 3: COLLECTED}
    await stores.batches.commit(first.lease, "w1", batch(1, progress))

    assert await stores.leases.expire() == []
    stores.time.now += TTL + timedelta(seconds=1)
    assert await stores.leases.expire() == [first.lease]
    second = await stores.leases.lease_next("w2")
    assert second.attempt_number == 2
    assert await stores.results.completed_tests(second.run_key) == ["t.py::test_1"]
    assert not await stores.batches.commit(first.lease, "w1", batch(4, {2: ended()}))
    await stores.batches.commit(second.lease, "w2", batch(1, {2: running()}))
    stores.time.now += TTL + timedelta(seconds=1)
    await stores.leases.expire()

    run = await stores.runs.get("p", "r")
    assert (run.state, run.verdict, run.cause) == (RunState.FINALIZED, Verdict.INFRA_FAILED, Cause.WORKER_LOST)
    assert (run.counts.completed, run.counts.interrupted, run.counts.missing) == (1, 1, 1)
    tests = await stores.results.list_tests(run, None, 0, 10)
    assert [len(test.earlier_attempts) for test in tests] == [0, 1, 0]
    actions = await stores.results.list_actions(run)
    assert [action.state for action in actions] == [ActionState.FINALIZED] * 2


async def test_a_renewed_lease_does_not_expire(stores):
    await stores.new_run("r")
    leased = await stores.leases.lease_next("w")
    for _ in range(3):
        stores.time.now += TTL - timedelta(seconds=1)
        (held,) = await stores.leases.renew("w", [leased.lease, "other"])
        assert (held.lease, held.running, held.cancelling) == (leased.lease, True, False)
        assert await stores.leases.expire() == []

    stores.time.now += TTL + timedelta(seconds=1)
    await stores.leases.extend_all()
    assert await stores.leases.expire() == []


async def test_each_action_is_leased_once_however_many_ask(stores):
    for number in range(6):
        await stores.new_run(f"r{number}")

    leased = await asyncio.gather(*(stores.leases.lease_next(f"w{number}") for number in range(10)))
    # Who lost the race against another asks again.
    leased += [await stores.leases.lease_next("late") for _ in range(10)]

    names = [one.action_name for one in leased if one is not None]
    assert len(names) == len(set(names)) == 6


async def test_projects_take_turns(stores):
    for number in range(3):
        await stores.new_run(f"busy{number}", "busy")
    await stores.new_run("other", "other")

    order = [(await stores.leases.lease_next("w")).project for _ in range(4)]

    assert order == ["busy", "other", "busy", "busy"]


async def test_cancelling_ends_a_queued_run_and_marks_a_running_one(stores):
    await stores.new_run("running")
    leased = await stores.leases.lease_next("w")
    await stores.new_run("queued")

    assert (await stores.cancel("queued")).state is RunState.FINALIZED
    assert (await stores.cancel("running")).state is RunState.CANCELLING
    (held,) = await stores.leases.renew("w", [leased.lease])
    assert held.cancelling
    await stores.batches.commit(leased.lease, "w", Batch(1, 1, finish=FINISH))
    assert (await stores.runs.get("p", "running")).verdict is Verdict.CANCELLED
    assert await stores.leases.lease_next("w") is None


async def test_changes_are_paged_by_commit_and_position(stores):
    run = await stores.new_run("r")
    leased = await stores.leases.lease_next("w")
    await stores.batches.commit(leased.lease, "w", batch(1, dict.fromkeys(range(1, 6), COLLECTED)))
    await stores.batches.commit(leased.lease, "w", batch(6, {2: ended(), 4: ended()}))

    seen, sequence, position = [], 0, 0
    while page := (await stores.results.changes(run.key, sequence, position, 2)).tests:
        seen += [test.test_id[-1] for test in page]
        sequence, position = page[-1].change_sequence, page[-1].position

    assert seen == ["1", "3", "5", "2", "4"]


async def test_state_changes_are_published_in_order(stores):
    await stores.new_run("r")
    leased = await stores.leases.lease_next("w")
    await stores.batches.commit(leased.lease, "w", batch(1, {1: ended()}))
    await stores.batches.commit(leased.lease, "w", Batch(2, 1, finish=FINISH))

    rows = (await Outbox(stores.database).read("projects/p/runs", 0)).rows

    from maestro.execution.v1 import run_pb2

    told = [run_pb2.Run.FromString(row.payload) for row in rows]
    assert [run.state for run in told] == [RunState.QUEUED, RunState.RUNNING, RunState.FINALIZED]
    assert [run.counts.pass_count for run in told] == [0, 0, 1]


async def test_filters_mean_the_same_on_every_database(stores):
    await stores.new_run("a", labels={"git/branch": "main"}, display_name="50% done")
    await stores.new_run("b", labels={"git/branch": "dev"})
    leased = await stores.leases.lease_next("w")
    await stores.batches.commit(leased.lease, "w", batch(1, {1: ended(), 2: ended(Outcome.FAIL), 3: COLLECTED}))

    async def found(text: str) -> list[str]:
        return [run.run_id for run in await stores.runs.list("p", run_condition(text), "", 10)]

    assert await found('labels.git/branch = "main"') == ["a"]
    assert await found('labels.git/branch != "main"') == ["b"]
    assert await found("labels.other:*") == []
    assert await found('display_name:"50%"') == ["a"]
    assert await found('create_time >= "2026-01-01T00:00:00Z" AND state = QUEUED') == ["b"]
    assert await found('create_time < "2026-01-01T01:00:00+01:00"') == []
    run = await stores.runs.get("p", "a")
    tests = await stores.results.list_tests(run, test_condition("duration >= 2s AND outcome = FAIL"), 0, 10)
    assert [test.position for test in tests] == [2]


async def test_blobs_are_granted_once_to_each_project(stores):
    blobs = [BlobRef(f"{number:064x}", number) for number in range(3)]
    await asyncio.gather(*(stores.blobs.grant("p", blobs[:2]) for _ in range(3)))

    assert await stores.blobs.missing("p", [*blobs, *blobs]) == [blobs[2]]
    assert await stores.blobs.missing("q", blobs) == blobs


async def test_nul_free_text_and_large_values_survive(stores):
    await stores.new_run("r", display_name="é\U0001f600" * 100)
    leased = await stores.leases.lease_next("w")
    long = Identity("key-1", "x" * 100_000, "a\x1fb", "n", "p", "f", 2**31 - 1)
    progress = Progress(Disposition.COMPLETED, Outcome.FAIL, Cause.ASSERTION, "r" * 5000, 2**50, 2**55, 2**31 - 1)
    one = Batch(1, 1, {"key-1": long}, {"key-1": progress}, {"key-1": b"\x62\x02\x0a\x00"})

    await stores.batches.commit(leased.lease, "w", one)

    run = await stores.runs.get("p", "r")
    (test,) = await stores.results.list_tests(run, None, 0, 10)
    assert (test.test_id, test.suite_path, test.line) == (long.test_id, ("a", "b"), long.line)
    assert (test.start_time_us, test.duration_ns, test.failures) == (2**50, 2**55, b"\x62\x02\x0a\x00")
