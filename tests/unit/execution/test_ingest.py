"""A batch of events folds to what it changes."""

from google.protobuf.duration_pb2 import Duration
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import action_pb2, artifact_pb2, run_pb2, test_case_pb2, worker_service_pb2
from maestro_services.execution.domain.batch import CHUNK_BYTES, COLLECTED
from maestro_services.execution.domain.states import Cause, Disposition, LogStream, Outcome, Verdict
from maestro_services.execution.ingest import fold, test_key

pb = worker_service_pb2
TEST = pb.CollectedTest(test_id="a.py::C::t[1]", suite_path=["a.py", "C"], case_name="t", parameters="1", file="a.py")
KEY = test_key(TEST.test_id)


def folded(*events: pb.ActionEvent):
    return fold(1, events, len(events))


def collected(*tests: pb.CollectedTest) -> pb.ActionEvent:
    return pb.ActionEvent(tests_collected=pb.TestsCollected(tests=tests))


def finished(**fields) -> pb.ActionEvent:
    test = fields.pop("test", pb.CollectedTest(test_id=TEST.test_id))
    return pb.ActionEvent(test_finished=pb.TestFinished(test=test, **fields))


def output(data: bytes, stream: int = 1, test_id: str = "") -> pb.ActionEvent:
    return pb.ActionEvent(output_written=pb.OutputWritten(stream=stream, data=data, test_id=test_id))


def test_a_key_is_the_beginning_of_the_ids_digest():
    assert test_key("a") == "ca978112ca1bbdcafac2"


def test_a_collected_test_has_not_started():
    batch = folded(collected(TEST))

    assert batch.progress == {KEY: COLLECTED}
    assert batch.identities[KEY] == (KEY, TEST.test_id, "a.py\x1fC", "t", "1", "a.py", 0)


def test_the_last_event_of_a_test_is_its_progress():
    start = pb.ActionEvent(test_started=pb.TestStarted(test_id=TEST.test_id))
    start.event_time.FromMicroseconds(77)
    failure = test_result_pb2.Failure(message="no")
    finish = finished(outcome=2, disposition=1, cause=1, duration=Duration(seconds=1, nanos=5), failures=[failure])

    running, ended = folded(collected(TEST), start), folded(collected(TEST), start, finish)

    assert running.progress[KEY] == (Disposition.RUNNING, 0, 0, "", 77, 0, 0)
    assert ended.progress[KEY][:3] == (Disposition.COMPLETED, Outcome.FAIL, Cause.ASSERTION)
    assert ended.progress[KEY].duration_ns == 1_000_000_005
    assert test_case_pb2.TestCase.FromString(ended.failures[KEY]).failures[0] == failure
    assert ended.identities[KEY].case_name == "t"


def test_a_test_that_was_not_collected_is_known_by_its_end():
    batch = folded(finished(disposition=1, outcome=1))

    assert batch.identities[KEY] == (KEY, TEST.test_id, "", "", "", "", 0)


def test_an_end_without_known_values_is_an_error_that_completed():
    batch = folded(finished(disposition=4, outcome=99))

    assert batch.progress[KEY][:2] == (Disposition.COMPLETED, Outcome.ERROR)


def test_text_is_kept_without_nul():
    test = pb.CollectedTest(test_id="a\0b", suite_path=["x\0", "y"], case_name="c")

    batch = folded(finished(test=test, disposition=1, outcome=1, reason="r\0"))

    (identity,) = batch.identities.values()
    assert identity[1:4] == ("a\ufffdb", "x\ufffd\x1fy", "c")
    assert batch.progress[identity.test_key].reason == "r\ufffd"


def test_output_of_one_source_is_joined_up_to_a_chunk():
    batch = folded(output(b"a"), output(b"b"), output(b"c", stream=2), output(b""), output(b"d", test_id=TEST.test_id))

    assert [(piece.test_key, piece.stream, piece.data) for piece in batch.output] == [
        ("", LogStream.STDOUT, b"ab"),
        ("", LogStream.STDERR, b"c"),
        (KEY, LogStream.STDOUT, b"d"),
    ]
    long = folded(output(b"x" * (CHUNK_BYTES + 1)), output(b"y"))
    assert [len(piece.data) for piece in long.output] == [CHUNK_BYTES, 2]


def test_the_start_and_the_end_of_an_action_merge_to_its_execution():
    start = pb.ActionStarted(command_line=["pytest"], isolation=action_pb2.Isolation(missing=["x: y"]))
    file = artifact_pb2.OutputFile(path="report.xml")
    end = pb.ActionFinished(verdict=3, cause=1, status_message="No.", exit_code=0, output_files=[file])

    batch = folded(pb.ActionEvent(action_started=start), pb.ActionEvent(action_finished=end))

    execution = action_pb2.ActionExecution.FromString(batch.execution)
    assert (list(execution.command_line), execution.exit_code) == (["pytest"], 0)
    assert batch.finish is not None
    assert (batch.finish.proposal.verdict, batch.finish.proposal.cause) == (Verdict.FAILED, Cause.ASSERTION)
    assert list(run_pb2.Run.FromString(batch.finish.output_files).output_files) == [file]
