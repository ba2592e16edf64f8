"""Resource names: made, taken apart, and checked in one place."""

import re

from maestro_services.runtime.errors import Reason, invalid_field

_VARIABLE = re.compile(r"\{(\w+)\}")
_PROJECT = re.compile(r"projects/([a-z][a-z0-9-]{0,62})(?:/|\Z)")


class NamePattern:
    """A pattern such as `projects/{project}/runs/{run}`."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._regex = re.compile(_VARIABLE.sub(r"(?P<\1>[^/]{1,128})", pattern))

    def format(self, **parts: str) -> str:
        """The name with these parts."""
        return self.pattern.format(**parts)

    def parse(self, name: str, field: str = "name") -> dict[str, str]:
        """The parts of a name; NAME_INVALID, naming the request's field, if it is not of this pattern."""
        match = self._regex.fullmatch(name)
        if match is None:
            raise invalid_field(field, f"must look like {self.pattern}", Reason.NAME_INVALID, pattern=self.pattern)
        return match.groupdict()


PROJECT = NamePattern("projects/{project}")


def project_of(name: str) -> str:
    """The project's id in a resource name, or "" if the resource is not of a project."""
    match = _PROJECT.match(name)
    return match[1] if match else ""
