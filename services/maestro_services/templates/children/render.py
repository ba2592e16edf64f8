"""The process that renders one template, or checks its syntax. It imports the engine and nothing else.

In come a job and its texts; out go a plan (values and paths), then the rendered texts in its order; or one frame that
says what failed. Limits are set before the first byte of the template is read.
"""

import contextlib
import re
import sys
from typing import Any

import minijinja

from maestro_services.templates.children.frames import Header, RefusalError, limit, read_frame, write_frame

_PART = re.compile(r"(?:\{\{.*?\}\}|\{%.*?%\}|[^/])+")
_MAX_FAULTS = 50


def failure(error: minijinja.TemplateError, file: str) -> Header:
    """The header for an error of the engine: a limit of its own, or a failure with its place."""
    while isinstance(error.__cause__, minijinja.TemplateError):
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

    def __init__(self, job: Header, texts: dict[str, str]) -> None:
        self.job = job
        self.texts = texts
        self.values: Header = {}
        self._environment = minijinja.Environment(
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
        except minijinja.TemplateError as error:
            raise RefusalError(failure(error, file)) from None

    def resolve(self) -> None:
        """Gives every variable its value, in order, so that defaults may use those before."""
        for variable in self.job["variables"]:
            name, given = variable["name"], self.job["values"]
            derived = name not in given and variable["derived"]
            value = self._derive(name, variable["default"]) if derived else given.get(name, variable["default"])
            if variable["pattern"]:
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
            raise RefusalError({"variable": variable["name"], "rule": f"the value must match {variable['pattern']}"})

    def path(self, source: str, name: str) -> str | None:
        """The path of a file in the new project; None if a part of it renders to nothing: the file is left out."""
        parts = [self.render(part, source, source) for part in _PART.findall(name)]
        return "/".join(parts) if all(parts) else None

    def run(self) -> None:
        """Sends the plan, then each text."""
        self.resolve()
        paths = [(self.path(source, name), source) for source, name in self.job["files"]]
        plan = sorted((path, source) for path, source in paths if path is not None)
        write_frame({"plan": plan, "values": self.values})
        for _, source in plan:
            if source in self.texts:
                write_frame({"file": source}, self.render(self.texts[source], source, source).encode())
        write_frame({"end": True})

    def check(self) -> None:
        """Sends every fault of syntax."""
        faults = [fault for name, text in self.texts.items() if (fault := self._syntax(text, name))]
        parts = [(part, source) for source, name in self.job["files"] for part in _PART.findall(name)]
        faults += [fault for part, source in parts if (fault := self._syntax(part, source))]
        faults += [fault for variable in self.job["variables"] if (fault := self._variable(variable))]
        write_frame({"faults": faults[:_MAX_FAULTS]})

    def _syntax(self, text: str, name: str) -> Header | None:
        try:
            self._environment.add_template(name, text)
        except minijinja.TemplateError as error:
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
    # The engine imports its error support with the first error, which is too late behind the limits.
    with contextlib.suppress(minijinja.TemplateError):
        minijinja.render_str("{% if %}")
    limit(memory_bytes=int(sys.argv[1]), cpu_seconds=int(sys.argv[2]))
    try:
        renderer = Renderer(*receive())
        renderer.check() if renderer.job["check"] else renderer.run()
    except RefusalError as refusal:
        write_frame(refusal.header)
    except MemoryError:
        write_frame({"limit": "memory_bytes"})
    except RecursionError:
        write_frame({"limit": "recursion"})
