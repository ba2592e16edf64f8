"""Puts changed code into the running process, where everything that refers to the old code finds it."""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from types import CodeType, FunctionType, ModuleType

from .candidates import Candidate
from .changes import changed_tree
from .sources import FunctionNode, SourceFile
from .tracing import FileSelection

_Place = tuple[str, int, str]


class LoadedCode:
    """The functions and modules of this process that come from product files."""

    def __init__(self, sources: Sequence[SourceFile]) -> None:
        self._sources = {source.filename: source for source in sources}
        self._functions: dict[_Place, list[FunctionType]] = {}
        for item in gc.get_objects():
            if type(item) is FunctionType and item.__code__.co_filename in self._sources:
                self._functions.setdefault(_place(item.__code__), []).append(item)

    def install(self, candidate: Candidate) -> None:
        """Makes the process run the changed code; only a forked child may do so.

        A change inside a function replaces the code of the function objects that exist, so that names imported by
        value, decorators and registries keep working. Any other change executes the module again.
        """
        if candidate.root is None or not self._replace_code(candidate, candidate.root):
            self._execute_module(candidate)

    def _replace_code(self, candidate: Candidate, root: FunctionNode) -> bool:
        codes = {_place(code): code for code in _nested(compile_function(candidate.source, candidate, root))}
        replaced = False
        for place, code in codes.items():
            for function in self._functions.get(place, []):
                if len(function.__code__.co_freevars) != len(code.co_freevars):
                    return False
                function.__code__ = code
                replaced = True
        return replaced

    def _execute_module(self, candidate: Candidate) -> None:
        source = candidate.source
        tree = changed_tree(source, candidate.change, source.tree)
        code = compile(tree, source.filename, "exec", dont_inherit=True)
        for module in _modules_of(source):
            before = dict(vars(module))
            exec(code, vars(module))  # noqa: S102  # the project's own code, changed by one edit, in a sandbox
            _rebind(before, vars(module))


def loaded_files(files: FileSelection, paths: Iterable[str]) -> dict[str, str]:
    """By path: the file name under which each product file is loaded; one that only tests import is imported now."""
    found = _loaded(files)
    for path in paths:
        if path not in found:
            _import(files.absolute(path))
    found = _loaded(files)
    return {path: found[path] for path in paths if path in found}


def _loaded(files: FileSelection) -> dict[str, str]:
    names = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return {path: name for name in names if name is not None and (path := files.path(name)) is not None}


def _import(filename: str) -> None:
    for folder in sys.path:
        name = filename.removeprefix(os.path.realpath(folder) + os.sep).removesuffix(".py").replace(os.sep, ".")
        if name.replace(".", "").isidentifier():
            with contextlib.suppress(Exception):
                importlib.import_module(name.removesuffix(".__init__"))
                return


def compile_function(source: SourceFile, candidate: Candidate, root: FunctionNode) -> CodeType:
    """Compiles the changed function alone, inside the classes around it, with its lines as they were."""
    body: list[ast.stmt] = [changed_tree(source, candidate.change, root)]
    for around in source.ancestors(root):
        if isinstance(around, ast.ClassDef):
            wrapper = ast.ClassDef(name=around.name, bases=[], keywords=[], body=body, decorator_list=[])
            if sys.version_info >= (3, 12):
                wrapper.type_params = []
            body = [ast.copy_location(wrapper, around)]
    imports = [node for node in source.tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    module = ast.Module([*imports, *body], [])
    return compile(module, source.filename, "exec", dont_inherit=True)


def _place(code: CodeType) -> _Place:
    return code.co_filename, code.co_firstlineno, code.co_name


def _nested(code: CodeType) -> Iterator[CodeType]:
    for item in code.co_consts:
        if isinstance(item, CodeType):
            yield item
            yield from _nested(item)


def _modules_of(source: SourceFile) -> list[ModuleType]:
    return [module for module in list(sys.modules.values()) if getattr(module, "__file__", None) == source.filename]


def _rebind(before: dict[str, object], after: dict[str, object]) -> None:
    """Gives the new objects to modules that had imported the old ones by value."""
    new = {id(old): (key, after[key]) for key, old in before.items() if key in after and after[key] is not old}
    for module in list(sys.modules.values()):
        names = vars(module) if isinstance(module, ModuleType) else {}
        if names is after:
            continue
        for key, value in list(names.items()):
            if id(value) in new and not key.startswith("__"):
                origin, replacement = new[id(value)]
                if origin == key or callable(value):
                    names[key] = replacement
