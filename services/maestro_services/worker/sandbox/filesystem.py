# ruff: noqa: PTH103, PTH110, PTH112, PTH123 -- importing pathlib costs the launcher too much
"""The file system as the sandboxed process sees it."""

from __future__ import annotations

import errno
import os

from maestro_services.worker.sandbox import devices, isolation, kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from maestro_services.worker.sandbox.isolation import Isolation
    from maestro_services.worker.sandbox.policy import Config

_KERNEL_SETTINGS = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs")
_FLAGS = {
    "ro": kernel.MS_RDONLY,
    "nosuid": kernel.MS_NOSUID,
    "nodev": kernel.MS_NODEV,
    "noexec": kernel.MS_NOEXEC,
    "noatime": kernel.MS_NOATIME,
    "nodiratime": kernel.MS_NODIRATIME,
    "relatime": kernel.MS_RELATIME,
}


def build(config: Config, record: Isolation) -> None:
    """Covers what must not be seen, brings back what is needed, and makes the rest read-only."""
    if not record.has(isolation.MOUNT_NAMESPACE):
        for mechanism in (isolation.PRIVATE_TMP, isolation.HIDDEN_STATE, isolation.READ_ONLY_HOST):
            record.lack(mechanism, "no mount namespace")
        return
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    view = View(config)
    record.attempt(isolation.PRIVATE_TMP, view.cover_temporary)
    _hide(view, record)
    view.restore()
    record.attempt(isolation.READ_ONLY_HOST, view.make_read_only)
    if record.has(isolation.PID_NAMESPACE):
        _mount_proc()


def _hide(view: View, record: Isolation) -> None:
    if not record.has(isolation.PID_NAMESPACE):
        # Another process of the same user shows its own view of the files below /proc/PID/root.
        record.lack(isolation.HIDDEN_STATE, "no process namespace")
    else:
        record.attempt(isolation.HIDDEN_STATE, view.hide_state)


class View:
    """Changes the mounts of this process's namespace, step by step."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._covered: list[str] = []
        self._writable = [config["directory"]]
        # Opened before anything is covered: a descriptor leads to a folder that its path does not reach any more.
        kept = [config["directory"], *config["exposed"]]
        self._kept = [(path, os.open(path, os.O_PATH)) for path in kept if os.path.isdir(path)]
        self._temporary = os.open(config["temporary"], os.O_PATH)

    def cover_temporary(self) -> None:
        """Gives the process temporary folders of its own, and takes the host's sockets out of its sight."""
        for path in ("/tmp", "/var/tmp"):  # noqa: S108 - the host's folders are what is being replaced
            if os.path.isdir(path):
                kernel.mount(f"/proc/self/fd/{self._temporary}", path, None, kernel.MS_BIND)
                self._cover(path)
        if not self._config["host_network"] and os.path.isdir("/run"):
            kernel.mount("tmpfs", "/run", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0755,size=64m")
            self._cover("/run")
        if os.path.isdir("/dev/shm"):  # noqa: S108 - likewise
            kernel.mount("tmpfs", "/dev/shm", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777")  # noqa: S108
            self._cover("/dev/shm")  # noqa: S108

    def _cover(self, path: str) -> None:
        self._covered.append(path)
        self._writable.append(path)

    def hide_state(self) -> None:
        """Covers the platform's state and the other actions' folders."""
        for path in self._config["hidden"]:
            if os.path.isdir(path):
                kernel.mount("tmpfs", path, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0755,size=1m")
                self._covered.append(path)
            elif os.path.exists(path):
                kernel.mount("/dev/null", path, None, kernel.MS_BIND)

    def restore(self) -> None:
        """Brings the action's folder and the interpreter back into sight where a cover lies over them."""
        for path, descriptor in self._kept:
            if path == self._config["directory"] or any(_below(path, cover) for cover in self._covered):
                os.makedirs(path, exist_ok=True)
                kernel.mount(f"/proc/self/fd/{descriptor}", path, None, kernel.MS_BIND | kernel.MS_REC)
            os.close(descriptor)

    def make_read_only(self) -> None:
        """Makes every mount read-only but the action's folder and the temporary ones."""
        self._make_mounts_read_only()
        if os.geteuid() == 0 and not _in_user_namespace():
            devices.replace(self._config["directory"])

    def _make_mounts_read_only(self) -> None:
        try:
            kernel.set_read_only("/", True, recursive=True)
        except OSError as error:
            if error.errno != errno.ENOSYS:
                raise
            _remount_all(os.path.realpath(path) for path in self._writable)
            return
        for path in self._writable:
            kernel.set_read_only(path, False, recursive=False)


def _remount_all(writable: object) -> None:
    """Does what mount_setattr does, for kernels without it."""
    spared = set(writable)  # type: ignore[call-overload]
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        mounts = [line.split() for line in table]
    for fields in mounts:
        path = fields[4].encode("ascii", "surrogateescape").decode("unicode_escape")
        if path not in spared:
            flags = sum({_FLAGS[option] for option in fields[5].split(",") if option in _FLAGS})
            kernel.mount("none", path, None, kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | flags)


def _mount_proc() -> None:
    kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    if os.geteuid() != 0:
        return
    for path in _KERNEL_SETTINGS:
        if os.path.exists(path):
            kernel.mount(path, path, None, kernel.MS_BIND | kernel.MS_REC)
            flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC | kernel.MS_RDONLY
            kernel.mount("none", path, None, kernel.MS_REMOUNT | kernel.MS_BIND | flags)


def _below(path: str, cover: str) -> bool:
    return path == cover or path.startswith(cover.rstrip("/") + "/")


def _in_user_namespace() -> bool:
    with open("/proc/self/uid_map", encoding="ascii") as table:
        return table.read().split() != ["0", "0", "4294967295"]
