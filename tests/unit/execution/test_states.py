"""States and enums say what the contract says."""

import pytest
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import action_pb2, results_service_pb2, run_pb2
from maestro_services.execution.domain import states
from maestro_services.execution.domain.schedule import QueueHead, choose


@pytest.mark.parametrize(
    ("ours", "prefix", "contract"),
    [
        (states.RunState, "STATE_", run_pb2.Run.State),
        (states.ActionState, "STATE_", action_pb2.Action.State),
        (states.Verdict, "VERDICT_", test_result_pb2.Verdict),
        (states.Cause, "CAUSE_", test_result_pb2.Cause),
        (states.Disposition, "DISPOSITION_", test_result_pb2.Disposition),
        (states.Outcome, "OUTCOME_", test_result_pb2.Outcome),
    ],
)
def test_enums_have_the_contracts_names_and_numbers(ours, prefix, contract):
    expected = {name.removeprefix(prefix): number for name, number in contract.items()}
    expected = {name: number for name, number in expected.items() if number or hasattr(ours, "UNSPECIFIED")}

    assert {member.name: member.value for member in ours} == expected


def test_log_streams_have_the_contracts_numbers():
    assert results_service_pb2.LOG_STREAM_STDOUT == states.LogStream.STDOUT
    assert results_service_pb2.LOG_STREAM_STDERR == states.LogStream.STDERR


def test_the_project_that_runs_least_comes_first_then_the_oldest():
    heads = [QueueHead(1, "busy", 2), QueueHead(5, "idle", 0), QueueHead(3, "other", 0)]

    assert choose(heads) == QueueHead(3, "other", 0)
    assert choose([]) is None
