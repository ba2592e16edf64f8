"""Settings of the execution service, `MAESTRO_EXECUTION_*`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ExecutionSettings:
    """What an operator may choose; times in seconds, sizes in bytes."""

    # Where blobs are kept; by default a folder of the state directory.
    blob_directory: str = ""
    # The largest blob that is taken.
    max_blob_bytes: int = 1024**3
    # How many runs of one project may wait.
    max_queued_runs: int = 1000
    # How often work is begun again after a worker was lost, where a run does not say.
    max_attempts: int = 3
    # How long a lease lives without a message that names it.
    lease_seconds: float = 15.0
    # How often a worker sends a heartbeat.
    heartbeat_seconds: float = 5.0
    # How often expired leases are looked for.
    expiry_seconds: float = 1.0
    # The period of empty messages on an idle stream.
    idle_seconds: float = 10.0
    # How many events a worker may have on their way.
    max_unacknowledged_events: int = 10_000
