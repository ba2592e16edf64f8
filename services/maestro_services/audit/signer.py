"""Signs what logs commit to: C2SP notes with Ed25519."""

import base64
import hashlib
import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from maestro_client.transparency import Checkpoint, VerifierKey

from maestro_services.runtime.settings import SettingsError


class LogSigner:
    """One key for all logs of an installation; each log signs under its origin as the key's name."""

    def __init__(self, key: Ed25519PrivateKey, *, host: str, installation_id: str = "") -> None:
        self._key = key
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        self._public_key = key.public_key().public_bytes(*raw)
        self._prefix = f"{host}/{installation_id or hashlib.sha256(self._public_key).hexdigest()[:12]}"

    def origin(self, project: str) -> str:
        """The origin of a project's log."""
        return f"{self._prefix}/{project}"

    def verifier_key(self, origin: str) -> VerifierKey:
        """What verifies the checkpoints of the log of this origin."""
        return VerifierKey.of(origin, self._public_key)

    def sign(self, checkpoint: Checkpoint) -> str:
        """The signed note of a checkpoint. Ed25519 signs the same text always the same."""
        text = str(checkpoint)
        material = self.verifier_key(checkpoint.origin).key_id + self._key.sign(text.encode())
        return f"{text}\n— {checkpoint.origin} {base64.b64encode(material).decode()}\n"


def signing_key(path: Path, *, create: bool) -> Ed25519PrivateKey:
    """The key in a file that only its owner may read; made there at the first start if `create`."""
    if create and not path.exists():
        _write(path, Ed25519PrivateKey.generate())
    try:
        pem, mode = path.read_bytes(), path.stat().st_mode
    except OSError as error:
        raise SettingsError(f"audit.signing_key_file: {path} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise SettingsError(f"audit.signing_key_file: {path} can be read by others: chmod 600 {path}")
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"audit.signing_key_file: {path} holds no PEM key: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"audit.signing_key_file: {path} holds no Ed25519 key")
    return key


def _write(path: Path, key: Ed25519PrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # Written beside it and linked into place: a crash leaves no half key, and of two starts one wins.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(descriptor)
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
