"""Who calls: tokens of this installation, and what other authenticators know."""

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from maestro_services.runtime.principal import ANY_PROJECT, Grant, Kind, Principal, Role

_MESH_TOKEN = re.compile(r"^mst_([a-z][a-z0-9-]{0,62})_([0-9a-f]{64})$")


class Authenticator(Protocol):
    """Knows principals by their tokens."""

    async def authenticate(self, token: str) -> Principal | None:
        """The principal of a token, or None if this authenticator does not know it."""


class MeshSecret:
    """The secret that the services of one installation share.

    It derives each service's and worker's own token, which proves its subject and nothing else, and the keys of
    opaque tokens, which all replicas must agree on.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def derive(self, purpose: str) -> bytes:
        """A key for one purpose."""
        return hmac.new(self._secret, purpose.encode(), hashlib.sha256).digest()

    def token_for(self, subject: str) -> str:
        """The token of a service or worker."""
        return f"mst_{subject}_{self.derive(f'token {subject}').hex()}"

    async def authenticate(self, token: str) -> Principal | None:
        """The service or worker that a derived token proves."""
        match = _MESH_TOKEN.match(token)
        if match is None or not hmac.compare_digest(token, self.token_for(match[1])):
            return None
        kind = Kind.WORKER if match[1].startswith("worker") else Kind.SERVICE
        return Principal(kind, match[1], grants=(Grant(ANY_PROJECT, Role.SERVICE),))


class LocalToken:
    """The one token of an embedded installation; it is the administrator's."""

    def __init__(self, token: str, subject: str = "local") -> None:
        self._digest = hashlib.sha256(token.encode()).digest()
        self._principal = Principal(Kind.USER, subject, grants=(Grant(ANY_PROJECT, Role.ADMIN),))

    async def authenticate(self, token: str) -> Principal | None:
        """The administrator, for the token."""
        matches = hmac.compare_digest(hashlib.sha256(token.encode()).digest(), self._digest)
        return self._principal if matches else None


class FirstOf:
    """Asks authenticators in turn."""

    def __init__(self, *authenticators: Authenticator) -> None:
        self._authenticators = authenticators

    async def authenticate(self, token: str) -> Principal | None:
        """The principal that the first authenticator knows."""
        for authenticator in self._authenticators:
            principal = await authenticator.authenticate(token)
            if principal is not None:
                return principal
        return None


def bearer_token(metadata: Mapping[str, str | bytes]) -> str:
    """The token of an `authorization: Bearer …` header, or ""."""
    scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def owned_secret(path: Path, size: int = 32) -> str:
    """The secret in a file that only its owner may read; made at first use, refused if others may read it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            raise PermissionError(f"{path} can be read by others: chmod 600 {path}") from None
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        secret = secrets.token_urlsafe(size)
        file.write(secret + "\n")
        file.flush()
        os.fsync(descriptor)
    return secret
