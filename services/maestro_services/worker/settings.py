"""Settings of a worker: `MAESTRO_WORKER_*`, the table `[worker]`, or the command line."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker needs to know."""

    # The execution service, host:port or an xds: name.
    server: str = ""
    # Unique among the workers and stable over restarts. Default: from the host's name and the process id.
    id: str = ""
    # How many actions at once.
    slots: int = 1
    # A file with the worker's token.
    token_file: str = ""
    # Where actions live and blobs are kept. Default: a folder in the user's cache.
    work_directory: str = ""
    # Folders and files that no action may see, besides the work directory.
    hide: tuple[str, ...] = ()
    # Refuse actions that cannot be separated from the host completely.
    require_isolation: bool = False
    # How much of the disk the kept blobs may take.
    cache_bytes: int = 10 << 30
    # How long actions may go on after SIGTERM.
    grace_seconds: float = 3.0
    # End when no server answers for so long; a worker of an embedded platform does not outlive it.
    patience_seconds: float = 60.0
    # End, and everything with it, when the process that started the worker ends.
    end_with_parent: bool = True
    # For the matching of work, as key=value.
    labels: tuple[str, ...] = ()
    log_level: str = "info"

    def work(self) -> Path:
        """The work directory, as the kernel knows it."""
        return Path(self.work_directory or Path.home() / ".cache" / "maestro" / "work").resolve()

    def hidden(self) -> list[Path]:
        """What no action may see."""
        named = [*self.hide, self.token_file] if self.token_file else self.hide
        return [self.work(), *(Path(path).resolve() for path in named)]
