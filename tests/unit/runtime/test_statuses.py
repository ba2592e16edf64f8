"""Reasons, and the statuses that carry them."""

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from maestro.common.v1 import error_reason_pb2
from maestro_services.runtime.errors import Reason, ServiceError, Violation, draining, not_found, wrong_state
from maestro_services.runtime.statuses import CODES, code_of, trailer_of


def status_of(error: ServiceError) -> status_pb2.Status:
    key, value = trailer_of(error)
    assert key == "grpc-status-details-bin"
    return status_pb2.Status.FromString(value)


def test_reasons_are_those_of_the_contract():
    contract = {name.removeprefix("ERROR_REASON_") for name in dict(error_reason_pb2.ErrorReason.items())}
    assert {reason.name for reason in Reason} == contract - {"UNSPECIFIED"}


def test_every_reason_has_a_code():
    assert set(CODES) == set(Reason)
    assert grpc.StatusCode.OK not in CODES.values()


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_travels_with_its_code_and_metadata(reason):
    status = status_of(ServiceError(reason, "what happened", name="x"))
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain, dict(info.metadata)) == (reason.name, "maestro.dev", {"name": "x"})
    assert status.message == "what happened"
    assert status.code == CODES[reason].value[0]


def test_violations_travel_as_a_bad_request():
    error = ServiceError(Reason.FIELD_INVALID, "no", violations=[Violation("a.b", "must be"), Violation("c", "too")])
    bad = error_details_pb2.BadRequest()
    assert status_of(error).details[1].Unpack(bad)
    assert [(one.field, one.description) for one in bad.field_violations] == [("a.b", "must be"), ("c", "too")]


def test_a_delay_travels_as_retry_info():
    retry = error_details_pb2.RetryInfo()
    assert status_of(draining()).details[1].Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == 200


def test_common_refusals_have_the_metadata_that_the_contract_promises():
    assert not_found("projects/p/runs/r").metadata == {"name": "projects/p/runs/r"}
    error = wrong_state("n", "DONE", "cancel")
    assert error.metadata == {"name": "n", "state": "DONE", "verb": "cancel"}
    assert code_of(error) is grpc.StatusCode.FAILED_PRECONDITION
