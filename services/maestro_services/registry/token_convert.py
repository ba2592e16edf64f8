"""Between the contract's messages of tokens and the domain."""

from maestro.common.v1 import actor_pb2, authorization_pb2
from maestro.registry.v1 import token_pb2, token_service_pb2

from maestro_services.registry.convert import time_of, timestamp
from maestro_services.registry.domain.token import Creator, Token, granted_role
from maestro_services.registry.tokens import TokenOrder
from maestro_services.runtime.names import PROJECT
from maestro_services.runtime.principal import Principal


def order_of(request: token_service_pb2.CreateTokenRequest, creator: Principal) -> TokenOrder:
    """What a request asks for, in the name of its caller."""
    asked = request.token
    return TokenOrder(
        project=PROJECT.parse(request.parent, "parent")["project"],
        display_name=asked.display_name,
        role=granted_role(asked.role),
        expire_time=time_of(asked.expire_time) if asked.HasField("expire_time") else None,
        creator=Creator(int(creator.kind), creator.subject, creator.display_name),
    )


def token_message(token: Token) -> token_pb2.Token:
    """The message of a token."""
    creator = token.creator
    return token_pb2.Token(
        name=token.name,
        uid=token.uid,
        display_name=token.display_name,
        role=authorization_pb2.Role.ValueType(token.role),
        expire_time=timestamp(token.expire_time),
        creator=_actor(creator.kind, creator.subject, creator.display_name),
        create_time=timestamp(token.create_time),
        revoke_time=timestamp(token.revoke_time),
    )


def introspection(token: Token | None) -> token_service_pb2.IntrospectTokenResponse:
    """Whom a proven token stands for."""
    if token is None:
        return token_service_pb2.IntrospectTokenResponse(active=False)
    principal = token.principal
    return token_service_pb2.IntrospectTokenResponse(
        active=True,
        actor=_actor(int(principal.kind), principal.subject, principal.display_name),
        project=PROJECT.format(project=token.project),
        role=authorization_pb2.Role.ValueType(token.role),
        expire_time=timestamp(token.expire_time),
    )


def _actor(kind: int, subject: str, display_name: str) -> actor_pb2.Actor:
    return actor_pb2.Actor(kind=actor_pb2.Actor.Kind.ValueType(kind), subject=subject, display_name=display_name)
