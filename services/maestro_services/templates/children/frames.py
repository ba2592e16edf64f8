"""What children speak, on their side: frames on stdin and stdout. Standard library only.

A frame is two big-endian 32-bit lengths, a JSON header, and bytes.
"""

import json
import resource
import struct
import sys
from typing import Any

Header = dict[str, Any]


class RefusalError(Exception):
    """Ends the work with a header that says why."""

    def __init__(self, header: Header) -> None:
        super().__init__()
        self.header = header


def read_frame() -> tuple[Header, bytes]:
    """The next frame from stdin."""
    header_size, data_size = struct.unpack(">II", sys.stdin.buffer.read(8))
    return json.loads(sys.stdin.buffer.read(header_size)), sys.stdin.buffer.read(data_size)


def write_frame(header: Header, data: bytes = b"") -> None:
    """Writes a frame to stdout."""
    encoded = json.dumps(header).encode()
    sys.stdout.buffer.write(struct.pack(">II", len(encoded), len(data)) + encoded)
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def limit(memory_bytes: int, cpu_seconds: int, *, file_bytes: int = 0, open_files: int = 3) -> None:
    """Takes from this process what it does not need. It cannot get any of it back."""
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: open_files,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    for kind, value in limits.items():
        resource.setrlimit(kind, (value, value))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
