"""Namespaces of the kernel: users, processes, network, mounts."""

from __future__ import annotations

import fcntl
import os
import struct

from maestro_services.worker.sandbox import isolation, kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from maestro_services.worker.sandbox.isolation import Isolation
    from maestro_services.worker.sandbox.policy import Config

_SIOCSIFFLAGS = 0x8914
_IFF_UP_RUNNING = 0x41


def enter(config: Config, record: Isolation) -> None:
    """Enters every namespace that the configuration wants and the kernel gives."""
    if os.geteuid() != 0:
        try:
            _enter_user_namespace()
        except OSError as error:
            for mechanism in (isolation.MOUNT_NAMESPACE, isolation.NETWORK_NAMESPACE, isolation.PID_NAMESPACE):
                record.lack(mechanism, f"no user namespace ({error.strerror})")
            return
    record.attempt(isolation.MOUNT_NAMESPACE, lambda: kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC))
    if config["host_network"]:
        record.lack(isolation.NETWORK_NAMESPACE, "the run asked for the host's network")
    else:
        record.attempt(isolation.NETWORK_NAMESPACE, _enter_network_namespace)
    if not record.has(isolation.MOUNT_NAMESPACE):
        record.lack(isolation.PID_NAMESPACE, "no mount namespace")
    elif not config["pid_namespace"]:
        record.lack(isolation.PID_NAMESPACE, "a private /proc cannot be mounted here")
    else:
        record.attempt(isolation.PID_NAMESPACE, lambda: kernel.unshare(kernel.CLONE_NEWPID))


def _enter_user_namespace() -> None:
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _enter_network_namespace() -> None:
    # The C module: importing socket costs more than all else that the launcher does.
    import _socket

    kernel.unshare(kernel.CLONE_NEWNET)
    probe = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    fcntl.ioctl(probe.fileno(), _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP_RUNNING))
    probe.close()
