"""However a worker's events are cut into batches and resent, each counts once."""

import asyncio
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from maestro.execution.v1 import worker_service_pb2 as pb
from maestro_services.execution.convert import encode_run, encode_worker
from maestro_services.execution.domain.run import Creator, NewRun, Run
from maestro_services.execution.domain.states import LogStream, Outcome
from maestro_services.execution.ingest import fold
from maestro_services.execution.servicer.inbox import EventRun
from maestro_services.execution.store.batches import BatchStore
from maestro_services.execution.store.leases import LeaseStore
from maestro_services.execution.store.results import ResultStore
from maestro_services.execution.store.runs import RunStore
from maestro_services.runtime.database import Database

NAMES = st.sampled_from([f"t.py::test_{number}" for number in range(6)])
EVENTS = st.lists(
    st.one_of(
        st.builds(
            lambda name: pb.ActionEvent(
                tests_collected=pb.TestsCollected(tests=[pb.CollectedTest(test_id=name, case_name=name)])
            ),
            NAMES,
        ),
        st.builds(lambda name: pb.ActionEvent(test_started=pb.TestStarted(test_id=name)), NAMES),
        st.builds(
            lambda name, outcome: pb.ActionEvent(
                test_finished=pb.TestFinished(
                    test=pb.CollectedTest(test_id=name), disposition=1, outcome=outcome, order_index=1
                )
            ),
            NAMES,
            st.integers(1, 6),
        ),
        st.builds(
            lambda data, stream: pb.ActionEvent(output_written=pb.OutputWritten(data=data, stream=stream)),
            st.binary(min_size=1, max_size=3),
            st.integers(1, 2),
        ),
    ),
    min_size=1,
    max_size=25,
)
# Where each sending begins (that much before what is acknowledged) and how many events it has.
SENDINGS = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 8)), min_size=1, max_size=20)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EVENTS, SENDINGS)
def test_batches_may_overlap_as_they_like(events, sendings):
    with tempfile.TemporaryDirectory() as folder:
        run, tests, output = asyncio.run(committed(Path(folder), events, sendings))

    last = {}
    for event in events:
        kind = event.WhichOneof("event")
        if kind == "tests_collected":
            last.setdefault(event.tests_collected.tests[0].test_id, 0)
        elif kind == "test_started":
            last[event.test_started.test_id] = 0
        elif kind == "test_finished":
            last[event.test_finished.test.test_id] = event.test_finished.outcome
    assert tests == last
    outcomes = Counter(outcome for outcome in last.values() if outcome)
    counts = run.counts
    told = (counts.passed, counts.failed, counts.errors, counts.skipped, counts.xfailed, counts.xpassed)
    assert told == tuple(outcomes[outcome] for outcome in sorted(Outcome)[1:])
    assert counts.total == len(last)
    assert output == b"".join(event.output_written.data for event in events)


async def committed(folder: Path, events, sendings) -> tuple[Run, dict[str, int], bytes]:
    def now() -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    ttl = timedelta(seconds=15)
    database = Database(f"sqlite+aiosqlite:///{folder}/execution.db", service="execution", clock=now)
    await database.open()
    runs, batches = RunStore(database, now, encode_run, 9), BatchStore(database, now, encode_run, ttl)
    async with database.write() as transaction:
        await runs.create(transaction, NewRun("p", "r", "u", b"", "", {}, Creator(), 3, True, now()))
    leased = await LeaseStore(database, now, encode_run, encode_worker, ttl).lease_next("w")
    acknowledged = 0
    for back, count in [*sendings, (0, len(events))]:
        start = max(0, acknowledged - back)
        sent = EventRun(leased.lease, start + 1, events[start : start + count])
        fresh = sent.behind(acknowledged)
        if fresh:
            assert await batches.commit(leased.lease, "w", fold(acknowledged + 1, fresh, len(fresh)))
            acknowledged += len(fresh)
        if sent.events:
            # The same again, as if its acknowledgement was lost: the store itself must know it.
            await batches.commit(leased.lease, "w", fold(start + 1, sent.events, len(sent.events)))
    results = ResultStore(database)
    run = await runs.get("p", "r")
    tests = {test.test_id: int(test.outcome) for test in await results.list_tests(run, None, 0, 100)}
    output = b"".join(chunk.data for chunk in await results.read_log(run.key, "", LogStream.BOTH, 0, 100))
    await database.close()
    return run, tests, output
