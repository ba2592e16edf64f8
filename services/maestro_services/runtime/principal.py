"""Who may do what: principals, their roles, and the decision."""

import enum
from dataclasses import dataclass

ANY_PROJECT = "*"


class Role(enum.IntEnum):
    """The roles of the contract, with its numbers."""

    VIEWER = 10
    DEVELOPER = 20
    MAINTAINER = 30
    ADMIN = 40
    SERVICE = 50

    def meets(self, minimum: "Role") -> bool:
        """Whether this role carries what asks for `minimum`."""
        if self is Role.SERVICE:
            return minimum in (Role.VIEWER, Role.DEVELOPER, Role.SERVICE)
        return self is Role.ADMIN or self >= minimum


class Kind(enum.IntEnum):
    """What kind of principal acts, with the contract's numbers."""

    USER = 1
    SERVICE = 2
    WORKER = 3
    AGENT = 4


@dataclass(frozen=True)
class Grant:
    """A role in a project, or in all of them by `*`."""

    project: str
    role: Role


@dataclass(frozen=True)
class Principal:
    """An authenticated caller."""

    kind: Kind
    subject: str
    display_name: str = ""
    grants: tuple[Grant, ...] = ()

    def may(self, minimum: Role, project: str) -> bool:
        """Whether a grant meets the role in the project; "" asks for the whole mesh."""
        scopes = (project, ANY_PROJECT) if project else (ANY_PROJECT,)
        return any(grant.role.meets(minimum) for grant in self.grants if grant.project in scopes)


NOBODY = Principal(Kind.USER, "anonymous")
