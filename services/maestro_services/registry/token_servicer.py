"""TokenService over gRPC: convert, call, convert."""

from typing import Any

import grpc
from maestro.registry.v1 import token_service_pb2 as pb
from maestro.registry.v1 import token_service_pb2_grpc

from maestro_services.registry.token_convert import introspection, order_of, token_message
from maestro_services.registry.tokens import Tokens
from maestro_services.runtime.context import current_call
from maestro_services.runtime.errors import Reason
from maestro_services.runtime.idempotency import request_key
from maestro_services.runtime.names import PROJECT, NamePattern
from maestro_services.runtime.pages import page_size
from maestro_services.runtime.principal import NOBODY
from maestro_services.runtime.tokens import OpaqueTokens

Context = grpc.aio.ServicerContext[Any, Any]

_NAME = NamePattern("projects/{project}/tokens/{token}")


class TokenServicer(token_service_pb2_grpc.TokenServiceServicer):
    """Answers TokenService."""

    def __init__(self, tokens: Tokens, page_tokens: OpaqueTokens) -> None:
        self._tokens = tokens
        self._page_tokens = page_tokens

    async def CreateToken(self, request: pb.CreateTokenRequest, context: Context) -> pb.CreateTokenResponse:  # noqa: N802 (the contract's name)
        """Creates a token and shows its secret, this once."""
        call = current_call()
        order = order_of(request, call.principal if call else NOBODY)
        token, secret = await self._tokens.create(order, request_key(request))
        return pb.CreateTokenResponse(token=token_message(token), secret=secret)

    async def ListTokens(self, request: pb.ListTokensRequest, context: Context) -> pb.ListTokensResponse:  # noqa: N802
        """Lists tokens, newest first."""
        scope = f"ListTokens {request.parent}"
        size = page_size(request.page_size, 50, 500)
        before = ""
        if request.page_token:
            before = str(self._page_tokens.open(scope, request.page_token, Reason.PAGE_TOKEN_INVALID)[0])
        found = await self._tokens.page(PROJECT.parse(request.parent, "parent")["project"], size + 1, before)
        more = self._page_tokens.seal(scope, found[size - 1].token_id) if len(found) > size else ""
        return pb.ListTokensResponse(tokens=map(token_message, found[:size]), next_page_token=more)

    async def RevokeToken(self, request: pb.RevokeTokenRequest, context: Context) -> pb.RevokeTokenResponse:  # noqa: N802
        """Ends a token for good."""
        parts = _NAME.parse(request.name)
        token = await self._tokens.revoke(parts["project"], parts["token"])
        return pb.RevokeTokenResponse(token=token_message(token))

    async def IntrospectToken(  # noqa: N802
        self, request: pb.IntrospectTokenRequest, context: Context
    ) -> pb.IntrospectTokenResponse:
        """Tells whom a secret stands for."""
        return introspection(await self._tokens.proven(request.secret))
