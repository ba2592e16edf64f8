# ruff: noqa: PTH106, PTH110, PTH123, PTH208 -- importing pathlib costs the launcher too much
"""A limit on the number of processes that binds root too, whom setrlimit does not bind."""

from __future__ import annotations

import os

# Where the controller of process counts is: version 1, version 2.
_PLACES = ("/sys/fs/cgroup/pids", "/sys/fs/cgroup")
_PREFIX = "maestro-"
# The launcher and the first process of the namespace are in the group too.
_OWN_PROCESSES = 2


class ProcessGroup:
    """A control group around the launcher and all that it starts."""

    def __init__(self, place: str) -> None:
        self._name = f"{_PREFIX}{os.getpid()}"
        # Opened before the mount namespace is entered: in there, the control groups cannot be written.
        self._place = os.open(place, os.O_PATH)
        self._origin = os.open(f"{place}{_current(place)}/cgroup.procs", os.O_WRONLY)

    @classmethod
    def enter(cls, limit: int) -> ProcessGroup:
        """Makes a group and enters it. Raises OSError where the host does not allow it."""
        place = next((place for place in _PLACES if os.path.exists(f"{place}/cgroup.procs")), _PLACES[-1])
        group = cls(place)
        os.mkdir(group._name, dir_fd=group._place)
        try:
            _write(f"{place}/{group._name}/pids.max", str(limit + _OWN_PROCESSES))
            _write(f"{place}/{group._name}/cgroup.procs", "0")
        except OSError:
            os.rmdir(group._name, dir_fd=group._place)
            raise
        return group

    def leave(self) -> None:
        """Goes back to where the launcher came from, and removes the group."""
        try:
            os.write(self._origin, b"0")
            os.rmdir(self._name, dir_fd=self._place)
        except OSError:
            return


def sweep() -> None:
    """Removes groups of launchers that were killed; one that is in use stays."""
    for place in _PLACES:
        names = os.listdir(place) if os.path.exists(place) else []
        for name in names:
            if name.startswith(_PREFIX):
                try:
                    os.rmdir(f"{place}/{name}")
                except OSError:
                    continue


def _current(place: str) -> str:
    with open("/proc/self/cgroup", encoding="utf-8") as table:
        lines = [line.rstrip("\n").split(":", 2) for line in table]
    wanted = "pids" if place.endswith("/pids") else ""
    path = next((path for _, controllers, path in lines if wanted in controllers.split(",")), "/")
    return path.rstrip("/")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
