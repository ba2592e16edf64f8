"""Errors as people and programs want them: what happened, and what to do next."""

import json
from typing import IO, Any

import click
from maestro_client import InsecureToken, MaestroError, PlatformNotFound
from maestro_client.errors import DeadlineExceeded, Unauthenticated, Unavailable, Unimplemented
from maestro_client.tree import ContentChanged, DigestMismatch, TreeError

_NEXT = {
    "TOKEN_MISSING": "set MAESTRO_TOKEN to a token of `maestro token create`",
    "TOKEN_INVALID": "the token is unknown, expired or revoked: set MAESTRO_TOKEN to another one",
    "PERMISSION_DENIED": "ask an administrator for a token with the role that this needs",
    "RESOURCE_NOT_FOUND": "list what there is: `maestro runs`, `maestro repair list`, `maestro templates list`",
    "FIELD_INVALID": "correct what is named, see --help",
    "FILTER_INVALID": "a filter looks like: outcome = FAIL AND file : tests/",
    "STATE_INVALID": "look at its state with `maestro runs` or `maestro repair show`",
    "NOTHING_TO_REPAIR": "`maestro results RUN` shows what became of its tests",
    "RESOURCE_EXISTS": "choose another name or version",
    "LIMIT_EXCEEDED": "make it smaller, or wait for what runs to end",
    "INTERNAL": "the platform's log has more under the request id",
}
_NEXT_BY_KIND: tuple[tuple[type[Exception], str], ...] = (
    (Unauthenticated, _NEXT["TOKEN_MISSING"]),
    (Unavailable, "is the platform running there? start one with `maestro up`, or correct MAESTRO_ADDRESS"),
    (DeadlineExceeded, "the platform is slow or hangs: try again, or look at its log"),
    (Unimplemented, "the platform is older than this command: upgrade it"),
    (PlatformNotFound, "start one with `maestro up`, or set MAESTRO_ADDRESS"),
    (InsecureToken, "give the certificate authority by MAESTRO_TLS_CA"),
    (TreeError, "add it to a .gitignore file, or change it"),
    (ContentChanged, "run again when nothing writes into the project"),
    (DigestMismatch, "try again; if it stays so, the platform's storage is damaged"),
    (PermissionError, "check the owner and the mode of the file"),
    (FileNotFoundError, "check the path"),
)


class Failure(click.ClickException):
    """A command could not do its work."""

    exit_code = 2

    def __init__(self, message: str, next_step: str = "", *, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.next_step = next_step
        self.details = details
        self.json = False

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the error: a red line and what to do next, or a JSON document."""
        if self.json:
            fields = {"message": self.message, "nextStep": self.next_step, **(self.details or {})}
            click.echo(json.dumps({"error": {name: value for name, value in fields.items() if value}}), err=True)
            return
        click.secho(f"error: {self.message}", fg="red", err=True)
        if self.next_step:
            click.echo(f"  next: {self.next_step}", err=True)


def failure_of(error: Exception) -> Failure:
    """Return what to show for an error."""
    if isinstance(error, Failure):
        return error
    next_step = next((text for kind, text in _NEXT_BY_KIND if isinstance(error, kind)), "")
    if not isinstance(error, MaestroError):
        return Failure(_sentence(error), next_step or "run again with --debug for the details")
    details = {
        "code": error.code.name,
        "reason": error.reason,
        "metadata": error.metadata,
        "violations": [f"{one.subject}: {one.description}" for one in error.violations],
        "requestId": error.request_id,
    }
    next_step = _NEXT.get(error.reason) or next_step or f"look for request {error.request_id} in the platform's log"
    return Failure(_what_happened(error), next_step, details=details)


def _what_happened(error: MaestroError) -> str:
    more = [f"{one.subject}: {one.description}" for one in error.violations if one.description not in error.message]
    label = error.reason or error.code.name
    return f"{'; '.join([error.message or 'the call failed', *more])} ({label})"


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__
