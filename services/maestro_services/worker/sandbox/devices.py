# ruff: noqa: PTH102, PTH103, PTH110, PTH118, PTH211 -- importing pathlib costs the launcher too much
"""A /dev with nothing in it that reaches the host's disks or memory."""

from __future__ import annotations

import os

from maestro_services.worker.sandbox import kernel

_NODES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}


def replace(directory: str) -> None:
    """Puts a minimal /dev in the place of the host's.

    Root may write to a device through a read-only mount, so read-only is not enough for /dev. It is built in a
    folder of the action and then moved.
    """
    stage = os.path.join(directory, "dev")
    os.makedirs(stage, exist_ok=True)
    kernel.mount("tmpfs", stage, "tmpfs", kernel.MS_NOSUID, "mode=0755,size=1m")
    for name in _NODES:
        if os.path.exists(f"/dev/{name}"):
            os.close(os.open(f"{stage}/{name}", os.O_CREAT | os.O_WRONLY))
            kernel.mount(f"/dev/{name}", f"{stage}/{name}", None, kernel.MS_BIND)
    for name, target in _LINKS.items():
        os.symlink(target, f"{stage}/{name}")
    for name in ("shm", "pts"):
        os.mkdir(f"{stage}/{name}")
    options = "newinstance,ptmxmode=0666,mode=620"
    kernel.mount("devpts", f"{stage}/pts", "devpts", kernel.MS_NOSUID | kernel.MS_NOEXEC, options)
    kernel.mount("tmpfs", f"{stage}/shm", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777")
    kernel.mount(stage, "/dev", None, kernel.MS_MOVE)
