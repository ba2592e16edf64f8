"""Settings of the embedded platform: `MAESTRO_EMBEDDED_*` or the table `[embedded]`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EmbeddedSettings:
    """What the embedded platform adds to a server's settings."""

    # How many worker processes to keep.
    workers: int = 1
    # How many actions each works on at once.
    slots: int = 1
