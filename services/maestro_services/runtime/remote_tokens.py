"""Asks the registry whom a token stands for, and remembers the answer for a little while."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable

from maestro.registry.v1 import token_service_pb2
from maestro_client import Maestro, MaestroError

from maestro_services.runtime.authentication import API_TOKEN_PREFIX
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.names import project_of
from maestro_services.runtime.principal import Grant, Kind, Principal, Role

# How long an answer is believed, in seconds: a revoked token works for no longer than this.
_BELIEVED = 30.0
_REMEMBERED = 10_000


class RemoteTokens:
    """An authenticator for services that do not own the tokens."""

    def __init__(self, client: Callable[[], Maestro], now: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._now = now
        self._known: OrderedDict[bytes, tuple[float, Principal | None]] = OrderedDict()

    async def authenticate(self, token: str) -> Principal | None:
        """The principal that the registry knows the token for."""
        if not token.startswith(API_TOKEN_PREFIX):
            return None
        key = hashlib.sha256(token.encode()).digest()
        until, principal = self._known.get(key, (0.0, None))
        if until > self._now():
            return principal
        principal = await self._ask(token)
        self._known[key] = (self._now() + _BELIEVED, principal)
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return principal

    async def _ask(self, token: str) -> Principal | None:
        try:
            answer = await self._client().tokens.introspect_token(
                token_service_pb2.IntrospectTokenRequest(secret=token), timeout=5
            )
        except MaestroError as error:
            message = "the registry does not answer, so the token cannot be checked"
            raise ServiceError(Reason.DEPENDENCY_UNAVAILABLE, message, service="registry") from error
        if not answer.active:
            return None
        grant = Grant(project_of(answer.project), Role(answer.role))
        return Principal(Kind(answer.actor.kind), answer.actor.subject, answer.actor.display_name, (grant,))
