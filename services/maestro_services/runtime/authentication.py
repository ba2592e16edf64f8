"""Who calls: tokens of this installation, and what other authenticators know."""

import hashlib
import hmac
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from maestro_services.runtime.principal import ANY_PROJECT, Grant, Kind, Principal, Role

# What the secrets of API tokens begin with; nothing else is asked of the registry.
API_TOKEN_PREFIX = "mat_"  # noqa: S105 (not a secret)
_MESH_TOKEN = re.compile(r"mst_([a-z][a-z0-9-]{0,62})_([0-9a-f]{64})")


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
        match = _MESH_TOKEN.fullmatch(token)
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
    """The secret in a file that only its owner may read; made at first use.

    PermissionError if others may read it or if it is empty: either would let anybody in.
    """
    if not path.exists():
        _make_secret(path, size)
    if path.stat().st_mode & 0o077:
        raise PermissionError(f"{path} can be read by others: chmod 600 {path}")
    secret = path.read_text().strip()
    if not secret:
        raise PermissionError(f"{path} is empty: delete it, or put a secret in it")
    return secret


def _make_secret(path: Path, size: int) -> None:
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(size) + "\n")
            file.flush()
            os.fsync(descriptor)
        # Appears whole or not at all, and never replaces what another process made at the same moment.
        os.link(scratch, path)
    except FileExistsError:
        pass
    finally:
        Path(scratch).unlink()
