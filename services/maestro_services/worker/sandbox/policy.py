"""What the worker tells the launcher, and what it hears back."""

from __future__ import annotations

from typing import TypedDict


class Config(TypedDict):
    """The launcher's orders; JSON on a descriptor of its own."""

    arguments: list[str]
    environment: dict[str, str]
    # Added where the process gets no private /tmp.
    shared_tmp_environment: dict[str, str]
    working_directory: str
    # The action's folder: all that the process may write to.
    directory: str
    # A folder of it that becomes /tmp.
    temporary: str
    # Folders that stay in sight although a folder above them is covered.
    exposed: list[str]
    # Folders and files that must not be seen.
    hidden: list[str]
    host_network: bool
    # Whether a private /proc can be mounted, as found out when the worker started.
    pid_namespace: bool
    # Refuse to run unless everything is in force.
    required: bool
    # Names of setrlimit without `RLIMIT_`, to their values.
    limits: dict[str, int]
    grace_seconds: float
    control_descriptor: int
    report_descriptor: int


class Report(TypedDict, total=False):
    """One line of the launcher's report."""

    # What is in force, and what is not; always first.
    mechanisms: list[str]
    missing: list[str]
    # The sandbox could not be made, in words.
    failure: str
    # The program could not be started, in words.
    start_failure: str
    # How the process ended.
    exit_code: int | None
    signal: int
    # What it and its children used; last.
    cpu_seconds: float
    max_rss_bytes: int
