"""How a channel is secured."""

import dataclasses
import os
from pathlib import Path
from typing import Self

import grpc


@dataclasses.dataclass(frozen=True, slots=True)
class Tls:
    """TLS, and mTLS if a certificate and its key are given. Paths of PEM files; no CA means the system's."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str | None = None

    @classmethod
    def from_environment(cls) -> Self | None:
        """Return what `MAESTRO_TLS_CA`, `…_CERTIFICATE`, `…_KEY` and `…_SERVER_NAME` say; None if none is set."""
        ca, certificate, key, name = (
            os.environ.get(f"MAESTRO_TLS_{part}") for part in ("CA", "CERTIFICATE", "KEY", "SERVER_NAME")
        )
        if not (ca or certificate or key):
            return None
        return cls(_path(ca), _path(certificate), _path(key), name)

    def credentials(self) -> grpc.ChannelCredentials:
        """Read the files. Raises OSError."""
        return grpc.ssl_channel_credentials(_read(self.ca), _read(self.key), _read(self.certificate))


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _read(path: Path | None) -> bytes | None:
    return path.read_bytes() if path else None
