import fcntl
import json
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from maestro.common.v1 import error_reason_pb2
from maestro.execution.v1 import artifact_service_pb2, execution_service_pb2
from maestro_client import (
    InsecureToken,
    PlatformNotFound,
    connect,
    default_state_directory,
    errors,
    find_endpoint,
)
from maestro_client._address import is_loopback
from maestro_client._backoff import delays, pause
from maestro_client._calls import identified
from maestro_client._discovery import target_of
from maestro_client._errors import from_rpc_error
from maestro_client._retry import service_config


def failure(code: grpc.StatusCode, *details: Any) -> grpc.aio.AioRpcError:
    status = status_pb2.Status(code=code.value[0], message="no")
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    trailers = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, details="no")


def info(reason: str, domain: str = "maestro.dev", **metadata: str) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata=metadata)


def test_an_error_carries_what_the_service_said() -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(field="run.spec", description="is needed", reason="R")
    raised = from_rpc_error(
        failure(
            grpc.StatusCode.INVALID_ARGUMENT,
            info("FIELD_INVALID", field="run.spec"),
            error_details_pb2.BadRequest(field_violations=[violation]),
            error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=2)),
        ),
        "id",
    )
    assert isinstance(raised, errors.InvalidArgument)
    assert (raised.reason, raised.metadata, raised.request_id) == ("FIELD_INVALID", {"field": "run.spec"}, "id")
    assert raised.violations == (errors.Violation("run.spec", "is needed", "R"),)
    assert raised.retry_after == 2
    assert str(raised) == "INVALID_ARGUMENT/FIELD_INVALID: no; run.spec: is needed"


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("DRAINING", errors.Draining),
        ("RESUME_TOKEN_EXPIRED", errors.ResumeTokenExpired),
        ("LEASE_LOST", errors.LeaseLost),
    ],
)
def test_reasons_that_callers_branch_on_have_their_class(reason: str, kind: type[errors.MaestroError]) -> None:
    assert isinstance(from_rpc_error(failure(grpc.StatusCode.UNKNOWN, info(reason))), kind)
    assert f"ERROR_REASON_{reason}" in error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name


def test_every_canonical_code_has_its_class() -> None:
    kinds = {type(from_rpc_error(failure(code))) for code in grpc.StatusCode if code is not grpc.StatusCode.OK}
    assert len(kinds) == len(grpc.StatusCode) - 1
    assert errors.MaestroError not in kinds


def test_foreign_and_damaged_details_are_not_taken_for_ours() -> None:
    assert from_rpc_error(failure(grpc.StatusCode.ABORTED, info("DRAINING", "other.dev"))).reason == ""
    damaged = grpc.aio.AioRpcError(
        grpc.StatusCode.ABORTED, grpc.aio.Metadata(), grpc.aio.Metadata(("grpc-status-details-bin", b"\xff\xff"))
    )
    assert isinstance(from_rpc_error(damaged), errors.Aborted)


def test_a_status_that_grpc_lost_is_a_broken_call() -> None:
    lost = grpc.aio.AioRpcError(
        grpc.StatusCode.INTERNAL, grpc.aio.Metadata(), grpc.aio.Metadata(), details="Internal error from Core"
    )
    assert isinstance(from_rpc_error(lost), errors.Unavailable)


def test_a_mutation_is_given_a_request_id_and_the_callers_message_stays() -> None:
    request = execution_service_pb2.CancelRunRequest(name="n")
    sent = identified(request)
    assert len(sent.request_id) == 36
    assert not request.request_id
    given = execution_service_pb2.CancelRunRequest(request_id="x")
    assert identified(given) is given
    read = execution_service_pb2.GetRunRequest()
    assert identified(read) is read


def test_the_retry_policy_follows_the_contract() -> None:
    files = [execution_service_pb2.DESCRIPTOR, artifact_service_pb2.DESCRIPTOR]
    config = json.loads(service_config(files))
    names = {entry["method"] for method in config["methodConfig"] for entry in method["name"]}
    assert {"GetRun", "WatchRun", "CreateRun", "CancelRun", "FindMissingBlobs"} <= names
    assert "UploadBlobs" not in names
    assert all("timeout" not in method and "hedgingPolicy" not in method for method in config["methodConfig"])


def test_the_address_is_the_given_then_the_environments_then_the_local_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    for name in ("MAESTRO_ADDRESS", "MAESTRO_TOKEN", "MAESTRO_STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    state = default_state_directory()
    assert state == tmp_path / "maestro"
    with pytest.raises(PlatformNotFound, match="maestro up"):
        find_endpoint()
    state.mkdir()
    (state / "endpoint.json").write_text('{"address": "127.0.0.1:1", "pid": 7}')
    (state / "token").write_text("local\n")
    with pytest.raises(PlatformNotFound):
        find_endpoint()  # what a killed platform left behind: its token would go to whoever listens there now
    lock = (state / "lock").open("w")
    request.addfinalizer(lock.close)
    fcntl.flock(lock, fcntl.LOCK_EX)
    endpoint = find_endpoint()
    assert (endpoint.address, endpoint.token, endpoint.pid) == ("127.0.0.1:1", "local", 7)
    monkeypatch.setenv("MAESTRO_ADDRESS", "there:2")
    assert (find_endpoint().address, find_endpoint().token) == ("there:2", None)
    assert find_endpoint("127.0.0.1:1").token == "local"
    assert find_endpoint("given:3", "mine").token == "mine"


def test_a_damaged_endpoint_file_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAESTRO_ADDRESS", raising=False)
    (tmp_path / "endpoint.json").write_text("{")
    with pytest.raises(PlatformNotFound):
        find_endpoint(state_directory=tmp_path)


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1:1", True),
        ("localhost:1", True),
        ("[::1]:1", True),
        ("unix:/x", True),
        ("h:1", False),
        ("10.0.0.1:1", False),
    ],
)
def test_loopback_is_told_from_the_network(address: str, local: bool) -> None:
    assert is_loopback(address) is local


async def test_a_token_does_not_travel_unencrypted_unless_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAESTRO_TLS_CA", raising=False)
    with pytest.raises(InsecureToken, match="MAESTRO_TLS_CA"):
        connect("far.example:1", "secret")
    await connect("far.example:1", "secret", tls="plaintext").close()
    await connect("127.0.0.1:1", "secret").close()


def test_pauses_grow_up_to_a_bound() -> None:
    assert all(0.05 <= pause(1) <= 0.2 for _ in range(50))
    assert all(pause(50) <= 10 for _ in range(50))
    assert [delay is None for delay in delays(3)] == [False, False, True]


async def test_many_addresses_are_one_target() -> None:
    assert await target_of(["10.0.0.2:1", "10.0.0.1:1"]) == "ipv4:10.0.0.1:1,10.0.0.2:1"
    assert await target_of(["[::1]:1"]) == "ipv6:[::1]:1"
    assert "127.0.0.1:5" in await target_of(["localhost:5"])
