"""The process that renders one template. It is run by path in an isolated interpreter and imports nothing of ours.

Frames on stdin and stdout are two big-endian 32-bit lengths, then a JSON header, then bytes. In come a job and its
texts; out go a plan (values and paths), then the rendered texts in its order; or one frame that says what failed.
Limits are set before the first byte of the template is read.
"""

import contextlib
import json
import re
import resource
import struct
import sys
from typing import Any

Header = dict[str, Any]

_PART = re.compile(r"(?:\{\{.*?\}\}|\{%.*?%\}|[^/])+")
_MAX_FAULTS = 50


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


def limit(memory_bytes: int, cpu_seconds: int) -> None:
    """Takes from this process what rendering does not need. It cannot get any of it back."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        resource.setrlimit(kind, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def failure(error: Any, file: str) -> Header:
    """The header for an error of the engine: a limit of its own, or a failure with its place."""
    while type(error.__cause__) is type(error):
        error = error.__cause__
    detail = error.detail or error.message
    if error.kind == "OutOfFuel":
        return {"limit": "fuel"}
    if "recursion limit" in detail:
        return {"limit": "recursion"}
    if "is too large" in detail or "too many elements" in detail:
        return {"limit": "output_bytes"}
    return {"failed": detail, "file": error.name or file, "line": error.line or 1}


class Renderer:
    """One template: its texts, its engine and the values of its variables."""

    def __init__(self, engine: Any, job: Header, texts: dict[str, str]) -> None:
        self.job = job
        self.texts = texts
        self.values: Header = {}
        self._error = engine.TemplateError
        self._environment = engine.Environment(
            loader=texts.get,
            fuel=job["fuel"],
            undefined_behavior="strict",
            keep_trailing_newline=True,
            auto_escape_callback=lambda _name: False,
        )

    def render(self, source: str, name: str, file: str) -> str:
        """A text with the values put in."""
        try:
            return str(self._environment.render_str(source, name, **self.values))
        except self._error as error:
            raise RefusalError(failure(error, file)) from None

    def resolve(self) -> None:
        """Gives every variable its value, in order, so that defaults may use those before."""
        for variable in self.job["variables"]:
            name, given = variable["name"], self.job["values"]
            derived = name not in given and variable["derived"]
            value = self._derive(name, variable["default"]) if derived else given.get(name, variable["default"])
            if variable["pattern"] and (name in given or derived):
                self._match(variable, [value] if isinstance(value, str) else value)
            self.values[name] = value

    def _derive(self, name: str, default: Any) -> Any:
        place = f"variables.{name}.default"
        if isinstance(default, str):
            return self.render(default, place, place)
        return [self.render(text, place, place) for text in default] if isinstance(default, list) else default

    def _match(self, variable: Header, texts: list[str]) -> None:
        pattern = re.compile(variable["pattern"])
        if not all(pattern.fullmatch(text) for text in texts):
            raise RefusalError({"variable": variable["name"], "rule": f"the value matches {variable['pattern']}"})

    def path(self, source: str) -> str | None:
        """The path of a file in the new project; None if a part of it renders to nothing: the file is left out."""
        parts = [self.render(part, source, source) for part in _PART.findall(source)]
        return "/".join(parts) if all(parts) else None

    def run(self) -> None:
        """Sends the plan, then each text."""
        self.resolve()
        paths = [(self.path(source), source) for source in self.job["files"]]
        plan = sorted((path, source) for path, source in paths if path is not None)
        write_frame({"plan": plan, "values": self.values})
        for _, source in plan:
            if source in self.texts:
                write_frame({"file": source}, self.render(self.texts[source], source, source).encode())
        write_frame({"end": True})

    def check(self) -> None:
        """Sends every fault of syntax."""
        faults = [fault for name, text in self.texts.items() if (fault := self._syntax(text, name))]
        faults += [
            fault for name in self.job["files"] for part in _PART.findall(name) if (fault := self._syntax(part, name))
        ]
        faults += [fault for variable in self.job["variables"] if (fault := self._variable(variable))]
        write_frame({"faults": faults[:_MAX_FAULTS]})

    def _syntax(self, text: str, name: str) -> Header | None:
        try:
            self._environment.add_template(name, text)
        except self._error as error:
            return {"file": name, "line": error.line or 1, "rule": error.detail or error.message}
        return None

    def _variable(self, variable: Header) -> Header | None:
        try:
            re.compile(variable["pattern"])
        except (re.error, RecursionError, OverflowError) as error:
            return {"pattern_of": variable["name"], "rule": str(error)}
        default = variable["default"]
        texts = [default] if isinstance(default, str) else default if isinstance(default, list) else []
        faults = (self._syntax(text, "default") for text in texts if variable["derived"])
        fault = next(filter(None, faults), None)
        return {"default_of": variable["name"], "rule": fault["rule"]} if fault else None


def receive() -> tuple[Header, dict[str, str]]:
    """The job and the texts of its files."""
    job, _ = read_frame()
    texts = {}
    for _ in range(job["text_count"]):
        header, data = read_frame()
        texts[header["path"]] = data.decode()
    return job, texts


def main() -> None:
    """Serves one job."""
    site, memory_bytes, cpu_seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.path.append(site)
    import minijinja

    # The engine imports its error support with the first error, which is too late behind the limits.
    with contextlib.suppress(minijinja.TemplateError):
        minijinja.render_str("{% if %}")
    limit(memory_bytes, cpu_seconds)
    try:
        renderer = Renderer(minijinja, *receive())
        renderer.check() if renderer.job["check"] else renderer.run()
    except RefusalError as refusal:
        write_frame(refusal.header)
    except MemoryError:
        write_frame({"limit": "memory_bytes"})
    except RecursionError:
        write_frame({"limit": "recursion"})


if __name__ == "__main__":
    main()
