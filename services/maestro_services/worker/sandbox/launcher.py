"""The program between the worker and the process of an action.

Run by the worker's own interpreter as `python -I -S`, with its orders as JSON on a descriptor. It imports as little as
it can: its start is part of every action's time.
"""

from __future__ import annotations

import json
import os
import resource
import signal

from maestro_services.worker.sandbox import filesystem, isolation, kernel, namespaces
from maestro_services.worker.sandbox.cgroup import ProcessGroup
from maestro_services.worker.sandbox.isolation import Isolation
from maestro_services.worker.sandbox.supervisor import StartError, Supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from maestro_services.worker.sandbox.policy import Config, Report


def main(descriptor: int) -> None:
    """Reads the orders, builds the sandbox, runs the program, and reports."""
    with open(descriptor, "rb") as orders:
        config: Config = json.load(orders)
    for inherited in (config["control_descriptor"], config["report_descriptor"]):
        os.set_inheritable(inherited, False)
    record = Isolation()
    record.in_force += [isolation.SESSION, isolation.RESOURCE_LIMITS]
    group = _bind_root(config, record)
    namespaces.enter(config, record)
    if record.has(isolation.PID_NAMESPACE):
        child = os.fork()
        if child == 0:
            kernel.die_with_parent(signal.SIGKILL)
            _run(config, record)
            os._exit(0)
        os.waitpid(child, 0)
    else:
        kernel.adopt_orphans()
        _run(config, record)
    if group is not None:
        group.leave()
    _send(config, _usage())


def _bind_root(config: Config, record: Isolation) -> ProcessGroup | None:
    limit = config["limits"].get("NPROC")
    if os.geteuid() != 0 or limit is None:
        return None
    try:
        return ProcessGroup.enter(limit)
    except OSError as error:
        record.lack(isolation.RESOURCE_LIMITS, f"process_count does not bind root without a cgroup ({error.strerror})")
        return None


def _run(config: Config, record: Isolation) -> None:
    try:
        filesystem.build(config, record)
    except OSError as error:
        _send(config, {"failure": f"the sandbox could not be made: {error.strerror or error}"})
        return
    _send(config, {"mechanisms": record.in_force, "missing": record.missing})
    if config["required"] and record.missing:
        _send(config, {"failure": f"isolation is required, but {'; '.join(record.missing)}"})
        return
    if not record.has(isolation.PRIVATE_TMP):
        config["environment"].update(config["shared_tmp_environment"])
    try:
        supervisor = Supervisor(config, alone=record.has(isolation.PID_NAMESPACE))
    except StartError as error:
        _send(config, {"start_failure": str(error)})
        return
    status = supervisor.wait()
    if os.WIFSIGNALED(status):
        _send(config, {"exit_code": None, "signal": os.WTERMSIG(status)})
    else:
        _send(config, {"exit_code": os.WEXITSTATUS(status), "signal": 0})
    if not record.has(isolation.PID_NAMESPACE):
        supervisor.sweep()


def _usage() -> Report:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"cpu_seconds": used.ru_utime + used.ru_stime, "max_rss_bytes": used.ru_maxrss * 1024}


def _send(config: Config, report: Report) -> None:
    try:
        os.write(config["report_descriptor"], json.dumps(report).encode() + b"\n")
    except BrokenPipeError:
        return
