"""Asking the registry whom a token stands for."""

from types import SimpleNamespace

import grpc
import pytest
from maestro.common.v1 import actor_pb2
from maestro.registry.v1 import token_service_pb2 as pb
from maestro_client import MaestroError
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.principal import Grant, Kind, Principal, Role
from maestro_services.runtime.remote_tokens import RemoteTokens


class Registry:
    """Knows one token; counts what it is asked."""

    def __init__(self) -> None:
        self.tokens = self
        self.asked = 0
        self.answers = True

    async def introspect_token(self, request: pb.IntrospectTokenRequest, **_options: object) -> object:
        self.asked += 1
        if not self.answers:
            raise MaestroError(grpc.StatusCode.UNAVAILABLE, "away")
        actor = actor_pb2.Actor(kind=actor_pb2.Actor.KIND_USER, subject="projects/shop/tokens/t", display_name="ci")
        if request.secret != "mat_known":
            return pb.IntrospectTokenResponse()
        return pb.IntrospectTokenResponse(active=True, actor=actor, project="projects/shop", role=20)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def time() -> SimpleNamespace:
    return SimpleNamespace(now=100.0)


@pytest.fixture
def tokens(registry, time) -> RemoteTokens:
    return RemoteTokens(lambda: registry, lambda: time.now)


async def test_an_answer_is_believed_for_thirty_seconds(tokens, registry, time):
    expected = Principal(Kind.USER, "projects/shop/tokens/t", "ci", (Grant("shop", Role.DEVELOPER),))
    assert await tokens.authenticate("mat_known") == expected
    time.now += 29
    assert await tokens.authenticate("mat_known") == expected
    assert registry.asked == 1
    time.now += 2
    await tokens.authenticate("mat_known")
    assert registry.asked == 2


async def test_an_unknown_token_is_remembered_too(tokens, registry):
    assert await tokens.authenticate("mat_unknown") is None
    assert await tokens.authenticate("mat_unknown") is None
    assert registry.asked == 1


async def test_what_is_no_api_token_is_not_asked_for(tokens, registry):
    registry.answers = False
    for token in ("", "garbage", "mst_audit_0"):
        assert await tokens.authenticate(token) is None
    assert registry.asked == 0


async def test_a_registry_that_does_not_answer_is_named(tokens, registry):
    registry.answers = False
    with pytest.raises(ServiceError) as caught:
        await tokens.authenticate("mat_known")
    assert caught.value.reason is Reason.DEPENDENCY_UNAVAILABLE
    assert caught.value.metadata == {"service": "registry"}
    registry.answers = True
    assert await tokens.authenticate("mat_known")
