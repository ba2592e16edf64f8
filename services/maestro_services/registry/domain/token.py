"""Tokens: a secret that stands for one role in one project until it ends."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from maestro_services.runtime.errors import invalid_field
from maestro_services.runtime.principal import Grant, Kind, Principal, Role

DEFAULT_LIFETIME = timedelta(days=90)
LONGEST_LIFETIME = timedelta(days=366)
SECRET_BYTES = 32

_SECRET = re.compile(r"mat_([0-9a-v]{20})_[0-9a-f]{64}")
# What a token may carry: a service's role comes from the mesh's own secret only.
_GRANTABLE = (Role.VIEWER, Role.DEVELOPER, Role.MAINTAINER, Role.ADMIN)


@dataclass(frozen=True)
class Creator:
    """Who created a token, as the audit log names them."""

    kind: int
    subject: str
    display_name: str = ""


@dataclass(frozen=True)
class Token:
    """A token as it is stored: the digest of its secret, never the secret."""

    project: str
    token_id: str
    uid: str
    display_name: str
    role: Role
    digest: bytes
    creator: Creator
    create_time: datetime
    expire_time: datetime
    revoke_time: datetime | None = None

    @property
    def name(self) -> str:
        """The resource name."""
        return f"projects/{self.project}/tokens/{self.token_id}"

    def proven_by(self, secret: str, now: datetime) -> bool:
        """Whether the secret is this token's, and the token is neither expired nor revoked."""
        genuine = hmac.compare_digest(self.digest, digest_of(secret))
        return genuine and self.revoke_time is None and now < self.expire_time

    @property
    def principal(self) -> Principal:
        """Whom the token stands for."""
        return Principal(Kind.USER, self.name, self.display_name, (Grant(self.project, self.role),))


def new_secret(token_id: str, random: bytes) -> str:
    """The secret of a token, which names it: `mat_<id>_<random>`."""
    return f"mat_{token_id}_{random.hex()}"


def token_id_in(secret: str) -> str | None:
    """The id of the token that a secret says it is of, or None if it is no token's."""
    match = _SECRET.fullmatch(secret)
    return match[1] if match else None


def digest_of(secret: str) -> bytes:
    """What is stored of a secret. Its 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def granted_role(number: int) -> Role:
    """The role that a token is asked for, as long as it is not more than an admin of its project."""
    if number not in _GRANTABLE:
        raise invalid_field("token.role", "must be VIEWER, DEVELOPER, MAINTAINER or ADMIN")
    return Role(number)


def lifetime_end(asked: datetime | None, now: datetime) -> datetime:
    """When a token ends: in 90 days, or at the time asked for, which must be within 366 days."""
    if asked is None:
        return now + DEFAULT_LIFETIME
    if not now < asked <= now + LONGEST_LIFETIME:
        raise invalid_field("token.expire_time", f"must be in the future and within {LONGEST_LIFETIME.days} days")
    return asked
