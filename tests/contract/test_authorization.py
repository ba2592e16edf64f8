"""Every method of the contract, called by every role in its own and in another project, and by nobody.

The cases come from the descriptors, so a new method is in the matrix from its first day.
"""

import importlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import maestro
import pytest
import pytest_asyncio
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from maestro.common.v1 import authorization_pb2
from maestro.registry.v1 import token_pb2, token_service_pb2
from maestro_client import Maestro
from maestro_services.audit.compose import compose as audit
from maestro_services.automation.compose import compose as automation
from maestro_services.execution.compose import compose as execution
from maestro_services.registry.compose import compose as registry
from maestro_services.runtime.server import Server
from maestro_services.runtime.server_settings import ServerSettings
from maestro_services.templates.compose import compose as templates

OWN, OTHER = "shop", "elsewhere"
ROLES = ("viewer", "developer", "maintainer", "admin")
DENIED = grpc.StatusCode.PERMISSION_DENIED


def methods() -> Iterator[MethodDescriptor]:
    """All methods that the contract declares."""
    files = (file for folder in maestro.__path__ for file in Path(folder).glob("*/v1/*_service_pb2.py"))
    for file in sorted(files):
        name = ".".join(("maestro", *file.parts[-3:])).removesuffix(".py")
        for service in importlib.import_module(name).DESCRIPTOR.services_by_name.values():
            yield from service.methods


METHODS = {f"{method.containing_service.name}.{method.name}": method for method in methods()}


def demand(method: MethodDescriptor) -> Any:
    """What the contract asks of the method's caller."""
    return method.GetOptions().Extensions[authorization_pb2.authorization]


def is_allowed(caller: str, method: MethodDescriptor) -> bool:
    """The rule in other words than the server's: a ladder of roles, with the service beside it."""
    asked = demand(method)
    role, _, project = caller.partition("@")
    if asked.authenticated_only:
        return True
    if role == "service":
        return asked.minimum_role in (
            authorization_pb2.ROLE_VIEWER,
            authorization_pb2.ROLE_DEVELOPER,
            authorization_pb2.ROLE_SERVICE,
        )
    if not asked.resource_field or project != OWN or asked.minimum_role == authorization_pb2.ROLE_SERVICE:
        return bool(asked.resource_field) and role == "admin" and project == OWN
    needed = authorization_pb2.Role.Name(asked.minimum_role).removeprefix("ROLE_").lower()
    return ROLES.index(role) >= ROLES.index(needed)


def request_of(method: MethodDescriptor) -> Any:
    """A request about something of the own project, and otherwise empty."""
    request = message_factory.GetMessageClass(method.input_type)()
    target, path = request, demand(method).resource_field
    *parents, leaf = path.split(".") if path else [""]
    for part in parents:
        target = getattr(target, part)
    if leaf and target.DESCRIPTOR.fields_by_name[leaf].type == FieldDescriptor.TYPE_STRING:
        setattr(target, leaf, f"projects/{OWN}")
    return request


@dataclass(frozen=True)
class Mesh:
    """All services, and a token for each caller."""

    channel: grpc.aio.Channel
    tokens: dict[str, str]

    async def code(self, method: MethodDescriptor, token: str) -> grpc.StatusCode:
        """How a call ends; OK for a stream that goes on."""
        kind = ("stream" if method.client_streaming else "unary") + ("_stream" if method.server_streaming else "_unary")
        answer = message_factory.GetMessageClass(method.output_type)
        call = getattr(self.channel, kind)(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        request = request_of(method)
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        begun = call(iter([request]) if method.client_streaming else request, metadata=metadata, timeout=20)
        try:
            if method.server_streaming:
                await begun.read()
            else:
                await begun
        except grpc.aio.AioRpcError as error:
            return error.code()
        finally:
            begun.cancel()
        return grpc.StatusCode.OK


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    state: Path = tmp_path_factory.mktemp("state")
    composes = (registry, execution, automation, templates, audit)
    settings = ServerSettings(state_directory=str(state), grace_seconds=1.0)
    async with Server(composes, settings).running() as running:
        tokens = {"service@*": running.platform.secret.token_for("automation")}
        async with Maestro(running.address, token=running.token) as administrator:
            for project in (OWN, OTHER):
                for role in ROLES:
                    token = token_pb2.Token(display_name=role, role=f"ROLE_{role.upper()}")
                    request = token_service_pb2.CreateTokenRequest(parent=f"projects/{project}", token=token)
                    tokens[f"{role}@{project}"] = (await administrator.tokens.create_token(request)).secret
        async with grpc.aio.insecure_channel(running.address) as channel:
            yield Mesh(channel, tokens)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", sorted(METHODS))
async def test_a_method_answers_whom_the_contract_allows_and_nobody_else(mesh: Mesh, name: str) -> None:
    method = METHODS[name]
    ended = {caller: await mesh.code(method, token) for caller, token in mesh.tokens.items()}
    refused = {caller for caller, code in ended.items() if code is DENIED}
    assert refused == {caller for caller in mesh.tokens if not is_allowed(caller, method)}
    assert grpc.StatusCode.UNAUTHENTICATED not in ended.values()
    assert await mesh.code(method, "") is grpc.StatusCode.UNAUTHENTICATED
    assert await mesh.code(method, "mat_00000000000000000000_wrong") is grpc.StatusCode.UNAUTHENTICATED


def test_reads_need_no_more_than_a_viewer() -> None:
    reads = [one for one in METHODS.values() if one.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS]
    # Secrets are not for viewers, and a rendering costs as much as a run.
    exceptions = {"TokenService.ListTokens", "TokenService.IntrospectToken", "TemplateService.RenderTemplate"}
    asked = {
        f"{one.containing_service.name}.{one.name}": demand(one).minimum_role
        for one in reads
        if not demand(one).authenticated_only
    }
    more = {name for name, role in asked.items() if role != authorization_pb2.ROLE_VIEWER}
    assert more == exceptions
