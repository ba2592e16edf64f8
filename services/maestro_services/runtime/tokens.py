"""Opaque tokens for pages and streams: signed, and bound to what they were given out for."""

import base64
import hashlib
import hmac
import json

from maestro_services.runtime.errors import Reason, ServiceError

_SIGNATURE_BYTES = 12


class OpaqueTokens:
    """Seals positions so that a caller can hand them back and nothing else.

    A token opens only under the scope it was sealed with: put the method and every other argument of the call in it.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def _sign(self, scope: str, body: bytes) -> bytes:
        scope_digest = hashlib.sha256(scope.encode()).digest()
        return hmac.new(self._secret, scope_digest + body, hashlib.sha256).digest()[:_SIGNATURE_BYTES]

    def seal(self, scope: str, *position: str | int) -> str:
        """A URL-safe token that holds a position."""
        body = json.dumps(position, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(scope, body) + body).decode().rstrip("=")

    def open(self, scope: str, token: str, reason: Reason) -> list[str | int]:
        """The position in a token of this scope; `reason` if it is forged, damaged or of another scope."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            raw = b""
        signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(scope, body)):
            raise ServiceError(reason, "the token is not of this request; begin without one")
        position: list[str | int] = json.loads(body)
        return position
