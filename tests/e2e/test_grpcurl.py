"""Any service is usable with grpcurl and a token, without proto files."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import PlatformProcess

SERVICES = {
    "maestro.registry.v1.RegistryService",
    "maestro.registry.v1.TokenService",
    "maestro.execution.v1.ExecutionService",
    "maestro.execution.v1.ArtifactService",
    "maestro.execution.v1.ResultsService",
    "maestro.execution.v1.WorkerService",
    "maestro.automation.v1.AutomationService",
    "maestro.templates.v1.TemplateService",
    "maestro.audit.v1.AuditService",
}


def grpcurl(platform: PlatformProcess, *arguments: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs grpcurl against the platform."""
    program = shutil.which("grpcurl", path=str(Path(sys.executable).parent)) or shutil.which("grpcurl")
    assert program, "grpcurl is not installed"
    header = f"authorization: Bearer {platform.token if token is None else token}"
    options, words = (
        [word for word in arguments if word[0] in "-{"],
        [word for word in arguments if word[0] not in "-{"],
    )
    command = [program, "-plaintext", "-max-time", "20", "-H", header, *options, platform.address, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_lists_every_service(platform: PlatformProcess) -> None:
    listed = grpcurl(platform, "list")
    assert listed.returncode == 0, listed.stderr
    assert set(listed.stdout.split()) >= SERVICES


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_it_describes_every_service(platform: PlatformProcess, service: str) -> None:
    described = grpcurl(platform, "describe", service)
    assert described.returncode == 0, described.stderr
    assert f"{service} is a service" in described.stdout


def test_a_unary_call_answers(platform: PlatformProcess) -> None:
    answer = grpcurl(platform, "-d", '{"parent": "services/-"}', "maestro.registry.v1.RegistryService/ListInstances")
    assert answer.returncode == 0, answer.stderr
    assert isinstance(json.loads(answer.stdout), dict)


def test_a_server_stream_answers(platform: PlatformProcess) -> None:
    answer = grpcurl(
        platform, "-d", '{"parent": "services/execution"}', "maestro.registry.v1.RegistryService/WatchInstances"
    )
    first = json.JSONDecoder().raw_decode(answer.stdout.lstrip())[0]
    assert "snapshot" in first
    assert first["resumeToken"]


def test_a_wrong_token_is_refused_with_its_reason(platform: PlatformProcess) -> None:
    answer = grpcurl(
        platform,
        "-d",
        '{"parent": "projects/default"}',
        "maestro.execution.v1.ExecutionService/ListRuns",
        token="wrong",
    )
    assert answer.returncode != 0
    assert "Unauthenticated" in answer.stderr
