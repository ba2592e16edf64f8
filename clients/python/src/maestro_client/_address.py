"""Finds the platform: given, from the environment, or from the state directory of one that runs on this host."""

import dataclasses
import ipaddress
import json
import os
from pathlib import Path


class PlatformNotFound(LookupError):  # noqa: N818 -- it says what is the matter
    """No address is known: none was given, and no platform has left one in the state directory."""


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a platform answers, and the token it wants. `pid` is that of a platform on this host."""

    address: str
    token: str | None = dataclasses.field(default=None, repr=False)
    pid: int | None = None


def default_state_directory() -> Path:
    """Return `$MAESTRO_STATE_DIRECTORY`, else `$XDG_STATE_HOME/maestro`, else `~/.local/state/maestro`."""
    chosen = os.environ.get("MAESTRO_STATE_DIRECTORY")
    if chosen:
        return Path(chosen)
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "maestro"


def find_endpoint(
    address: str | None = None, token: str | None = None, state_directory: str | os.PathLike[str] | None = None
) -> Endpoint:
    """Return the endpoint to call: the given one, that of `MAESTRO_ADDRESS`, or that of the state directory.

    A token that is not given comes from `MAESTRO_TOKEN`, or from the state directory if the platform there is the one
    at the address: a local token is never sent elsewhere. Raises PlatformNotFound.
    """
    address = address or os.environ.get("MAESTRO_ADDRESS")
    token = token or os.environ.get("MAESTRO_TOKEN") or None
    local = read_endpoint(Path(state_directory) if state_directory else default_state_directory())
    if address is None:
        if local is None:
            raise PlatformNotFound("no platform is known: start one with `maestro up`, or set MAESTRO_ADDRESS")
        return dataclasses.replace(local, token=token or local.token)
    if token is None and local is not None and local.address == address:
        token = local.token
    return Endpoint(address, token)


def read_endpoint(state_directory: Path) -> Endpoint | None:
    """Return the endpoint of the platform that runs on a state directory; None if none does.

    What a killed platform left behind is not believed: another program may listen there by now.
    """
    if not _is_held(state_directory):
        return None
    try:
        content = json.loads((state_directory / "endpoint.json").read_text(encoding="utf-8"))
        token = (state_directory / "token").read_text(encoding="utf-8").strip()
        return Endpoint(str(content["address"]), token or None, int(content.get("pid", 0)) or None)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_held(state_directory: Path) -> bool:
    """Tell whether a platform lives in a state directory: it holds the lock for as long as it does."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        with (state_directory / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def is_loopback(address: str) -> bool:
    """Tell whether an address leads to this host alone: a token may be sent there without TLS."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = address.rpartition(":")[0].strip("[]") or address
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
