"""Processes that really try to get out of the sandbox."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from maestro.execution.v1 import action_pb2, run_pb2
from maestro_services.worker.sandbox.folder import ActionFolder
from maestro_services.worker.sandbox.probe import probe
from maestro_services.worker.sandbox.sandbox import Command, Sandbox

# A virtual environment may stand below /tmp, which a bare sandbox hides; the interpreter behind it does not.
PYTHON = os.path.realpath(sys.executable)
ALL = {
    "SESSION",
    "RESOURCE_LIMITS",
    "PID_NAMESPACE",
    "NETWORK_NAMESPACE",
    "MOUNT_NAMESPACE",
    "READ_ONLY_HOST",
    "HIDDEN_STATE",
    "PRIVATE_TMP",
}


def python(code: str, **fields: Any) -> run_pb2.RunSpec:
    arguments = ["{python}", "-c", textwrap.dedent(code)]
    return run_pb2.RunSpec(command=run_pb2.CommandPlan(arguments=arguments), **fields)


def processes_with(mark: str) -> list[str]:
    return subprocess.run(["pgrep", "-f", mark], capture_output=True, text=True, check=False).stdout.split()


def empty_groups() -> set[str]:
    """Control groups of sandboxes without a process; others may make theirs at the same time."""
    found = set()
    for place in (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup")):
        for group in place.glob("maestro-*"):
            with contextlib.suppress(OSError):
                found |= set() if (group / "cgroup.procs").read_text() else {str(group)}
    return found


def mechanisms(done: Any) -> set[str]:
    (started,) = done.of("action_started")
    names = action_pb2.Isolation.Mechanism.Name
    return {names(mechanism).removeprefix("MECHANISM_") for mechanism in started.isolation.mechanisms}


async def test_it_says_what_is_in_force(execute: Any) -> None:
    done = await execute({}, spec=python("pass"))
    assert mechanisms(done) == ALL
    assert list(done.of("action_started")[0].isolation.missing) == []


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder outside the temporary ones, which are covered anyway."""
    with tempfile.TemporaryDirectory(dir=Path.home(), prefix=".maestro-test-") as folder:
        yield Path(folder)


async def test_the_platforms_state_cannot_be_read(execute: Any, tmp_path: Path, elsewhere: Path) -> None:
    (elsewhere / "state").mkdir()
    (elsewhere / "state" / "database").write_text("secret")
    (elsewhere / "token").write_text("secret")
    (tmp_path / "actions" / "other").mkdir(parents=True)
    (tmp_path / "actions" / "other" / "file").write_text("secret")
    code = f"""
        import os, sys
        places = ["{elsewhere}/state/database", "{elsewhere}/token", "{tmp_path}/actions/other/file"]
        places += [f"/proc/{{pid}}/root{{place}}" for pid in (1, os.getppid(), {os.getpid()}) for place in places]
        seen = []
        for place in places:
            try:
                seen += [place] if open(place).read() else []
            except OSError:
                pass
        sys.exit(f"seen {{seen}}" if seen else 0)
    """
    done = await execute({}, spec=python(code), hidden=(elsewhere / "state", elsewhere / "token"))
    assert done.verdict == "PASSED", done.output().decode()
    done.folder.remove()
    done = await execute({}, spec=python(code))
    assert b"database" in done.output()


async def test_the_host_cannot_be_written(execute: Any, elsewhere: Path) -> None:
    victim = elsewhere / "victim"
    victim.write_text("whole")
    code = f"""
        import os, pathlib, subprocess, sys
        written = []
        for place in ["{victim}", "/etc/maestro-was-here", "/usr/bin/maestro-was-here", sys.prefix + "/was-here",
                      os.path.dirname(os.__file__) + "/was-here.py", "/proc/sys/kernel/core_pattern", "/sys/was-here",
                      "/work-was-here"]:
            try:
                pathlib.Path(place).write_text("broken")
                written.append(place)
            except OSError:
                pass
        for command in (["mount", "-o", "remount,rw", "/"], ["mount", "-o", "remount,rw,bind", "/usr"],
                        ["umount", "-l", "/tmp"], ["unshare", "-Urm", "mount", "-o", "remount,rw", "/"]):
            if subprocess.run(command, capture_output=True).returncode == 0:
                written.append(command)
        devices = [d for d in os.listdir("/dev") if pathlib.Path("/dev", d).is_block_device()
                   and os.access(f"/dev/{{d}}", os.W_OK)]
        sys.exit(f"written {{written}} {{devices}}" if written or devices else 0)
    """
    done = await execute({}, spec=python(code))
    assert done.verdict == "PASSED", done.output().decode()
    assert victim.read_text() == "whole"


async def test_the_network_ends_at_its_own_loopback(execute: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"""
            import socket, sys
            own = socket.create_server(("127.0.0.1", 0))
            socket.create_connection(own.getsockname(), 2).close()
            try:
                socket.create_connection(("127.0.0.1", {port}), 2)
            except OSError:
                sys.exit(0)
            sys.exit("the host's loopback answers")
        """
        done = await execute({}, spec=python(code))
        assert done.verdict == "PASSED", done.output().decode()
        limits = run_pb2.Limits(network=run_pb2.Limits.NETWORK_HOST)
        done.folder.remove()
        done = await execute({}, spec=python(code, limits=limits))
        assert (done.verdict, b"host's loopback answers" in done.output()) == ("FAILED", True)
        assert mechanisms(done) == ALL - {"NETWORK_NAMESPACE"}


async def test_temporary_folders_are_its_own(execute: Any) -> None:
    with tempfile.NamedTemporaryFile(dir="/tmp") as host:
        code = f"""
            import pathlib, tempfile
            file = pathlib.Path(tempfile.mkstemp()[1])
            assert file.parent == pathlib.Path("/tmp"), file
            pathlib.Path("/dev/shm/x").write_text("x")
            pathlib.Path.home().joinpath("x").write_text("x")
            assert not pathlib.Path("{host.name}").exists()
        """
        done = await execute({}, spec=python(code))
    assert done.verdict == "PASSED", done.output().decode()
    assert not os.access("/dev/shm/x", os.F_OK)


async def test_the_environment_is_minimal(execute: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_TOKEN", "secret")
    monkeypatch.setenv("SOME_SECRET", "secret")
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    done = await execute({}, spec=python(code, environment={"WANTED": "yes"}))
    assert b"secret" not in done.output()
    assert b'"WANTED": "yes"' in done.output()
    assert f'"HOME": "{done.folder.home}"'.encode() in done.output()


async def test_limits_are_in_force(execute: Any) -> None:
    code = """
        import resource, sys
        wanted = {resource.RLIMIT_AS: 1 << 30, resource.RLIMIT_CORE: 0, resource.RLIMIT_NPROC: 77}
        sys.exit(any(resource.getrlimit(kind) != (value, value) for kind, value in wanted.items()))
    """
    limits = run_pb2.Limits(memory_bytes=1 << 30, process_count=77)
    done = await execute({}, spec=python(code, limits=limits))
    assert done.verdict == "PASSED", done.output().decode()


async def test_what_cannot_be_separated_is_refused_where_that_is_asked(tmp_path: Path) -> None:
    folder = ActionFolder(tmp_path / "a")
    folder.create()
    sandbox = Sandbox(required=True, pid_namespace=False)
    process = await sandbox.start(Command(["true"], {"PATH": os.environ["PATH"]}, folder.tree, folder))
    ending = await process.wait()
    assert "isolation is required" in ending.failure
    assert "PID_NAMESPACE" in ending.failure


async def test_without_a_process_namespace_nothing_outlives_the_action_either(tmp_path: Path) -> None:
    folder = ActionFolder(tmp_path / "a")
    folder.create()
    code = (
        "import os, time\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        os.fork()\n"
        "        time.sleep(300)\n"
        "print('mark-unnamespaced')\n"
    )
    command = Command([PYTHON, "-c", code], {"PATH": os.environ["PATH"]}, folder.tree, folder)
    process = await Sandbox(pid_namespace=False).start(command)
    assert any(reason.startswith("PID_NAMESPACE: ") for reason in process.missing)
    assert any(reason.startswith("HIDDEN_STATE: ") for reason in process.missing)
    async with asyncio.timeout(5):
        await asyncio.gather(process.stdout.read(), process.stderr.read())
        ending = await process.wait()
    assert ending.exit_code == 0
    assert processes_with("mark-unnamespaced") == []


async def test_usage_is_measured(tmp_path: Path) -> None:
    folder = ActionFolder(tmp_path / "a")
    folder.create()
    code = "import subprocess, sys, time\nb = bytearray(200 << 20)\nx = 0\nwhile time.process_time() < 0.5: x += 1\n"
    process = await Sandbox().start(Command([PYTHON, "-c", code], {}, folder.tree, folder))
    await asyncio.gather(process.stdout.read(), process.stderr.read())
    ending = await process.wait()
    assert 0.5 <= ending.cpu_seconds < 5
    assert 200 << 20 <= ending.max_rss_bytes < 400 << 20
    assert ending.wall_seconds >= 0.5


def test_a_killed_worker_leaves_no_process_behind(tmp_path: Path) -> None:
    worker = f"""
import asyncio
from pathlib import Path
from maestro_services.worker.sandbox.folder import ActionFolder
from maestro_services.worker.sandbox.sandbox import Command, Sandbox
async def main():
    folder = ActionFolder(Path({str(tmp_path / "a")!r})); folder.create()
    code = "import os, time; os.fork(); os.setsid() if os.getpid() % 2 else 0; print('up', flush=True); time.sleep(300)"
    process = await Sandbox().start(Command(["python3", "-c", code, "mark-orphan"], {{"PATH": {os.environ["PATH"]!r}}},
                                    folder.tree, folder))
    await anext(process.stdout.chunks())
    print("up", flush=True)
    await asyncio.sleep(300)
asyncio.run(main())
"""
    running = subprocess.Popen([sys.executable, "-c", worker], stdout=subprocess.PIPE)
    assert running.stdout is not None
    assert running.stdout.readline() == b"up\n"
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()
    deadline = time.monotonic() + 2
    while remaining := processes_with("mark-orphan"):
        assert time.monotonic() < deadline, remaining
        time.sleep(0.02)


async def test_the_probe_finds_the_best_that_works(tmp_path: Path) -> None:
    sandbox = await probe(tmp_path, [tmp_path], required=True)
    assert sandbox.required
    assert sandbox.pid_namespace
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_gets_the_same_isolation(tmp_path: Path) -> None:
    folder = Path("/var/tmp/maestro-test-nobody")
    subprocess.run(["rm", "-rf", folder], check=True)
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    services = Path(__file__).parents[3] / "services"
    script = f"""
import asyncio, sys
sys.path.insert(0, {str(services)!r})
sys.dont_write_bytecode = True
from pathlib import Path
from maestro_services.worker.sandbox.folder import ActionFolder
from maestro_services.worker.sandbox.sandbox import Command, Sandbox
async def main():
    root = Path({str(folder)!r}); (root / "state").mkdir(); (root / "state/secret").write_text("x")
    folder = ActionFolder(root / "a"); folder.create()
    shell = "touch /var/lib/x || ls {folder}/state/secret || ls /tmp/pytest* || echo contained"
    process = await Sandbox(hidden=[root / "state"]).start(
        Command(["sh", "-c", shell], {{"PATH": "/usr/bin:/bin"}}, folder.tree, folder))
    print(sorted(process.mechanisms), process.missing, (await process.stdout.read()).decode())
    await process.stderr.read(); await process.wait()
asyncio.run(main())
"""
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-c", script],
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    subprocess.run(["rm", "-rf", folder], check=True)
    assert done.stderr == ""
    assert done.stdout.strip() == f"{sorted(ALL)} [] contained"


async def test_a_fork_bomb_meets_its_limit_even_as_root(execute: Any) -> None:
    code = """
        import os, sys, time
        count = 0
        try:
            while count < 500:
                if os.fork() == 0:
                    time.sleep(60)
                    os._exit(0)
                count += 1
        except OSError:
            sys.exit(0 if count < 60 else f"{count} processes")
        sys.exit(f"{count} processes")
    """
    done = await execute({}, spec=python(code, limits=run_pb2.Limits(process_count=50)))
    assert done.verdict == "PASSED", done.output().decode()
    assert processes_with("while count < 500") == []
    left = empty_groups()
    await asyncio.sleep(0.2)
    assert not left & empty_groups()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to give up")
def test_without_privileges_it_runs_and_says_what_is_missing(tmp_path: Path) -> None:
    script = f"""
import asyncio
from pathlib import Path
from maestro_services.worker.sandbox.probe import probe
from maestro_services.worker.sandbox.folder import ActionFolder
from maestro_services.worker.sandbox.sandbox import Command
async def main():
    root = Path({str(tmp_path)!r})
    sandbox = await probe(root, [root], required=False)
    folder = ActionFolder(root / "a"); folder.create()
    command = Command(["sh", "-c", "echo $TMPDIR"], {{"PATH": "/usr/bin:/bin"}}, folder.tree, folder)
    process = await sandbox.start(command)
    print(sorted(process.mechanisms), len(process.missing), (await process.stdout.read()).decode())
    await process.stderr.read(); await process.wait()
asyncio.run(main())
"""
    drop = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]
    done = subprocess.run([*drop, sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert f"\n['RESOURCE_LIMITS', 'SESSION'] 6 {tmp_path}/a/tmp" in done.stdout, done.stdout + done.stderr
