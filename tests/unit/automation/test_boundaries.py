"""The search is a program of its own: the service does not import it, and it imports nothing of the service."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import maestro_services.automation
import pytest
from maestro_services.automation.search_program import COMMAND, program_files

PACKAGE = Path(next(iter(maestro_services.automation.__path__)))
SEARCH = PACKAGE / "search"


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""


@pytest.mark.parametrize("path", sorted(SEARCH.rglob("*.py")), ids=lambda path: str(path.relative_to(SEARCH)))
def test_the_search_imports_only_the_standard_library_pytest_and_itself(path: Path):
    for level, module in imports(path):
        assert level or module.partition(".")[0] in {*sys.stdlib_module_names, "pytest"}, module


def test_the_service_does_not_import_the_search():
    for path in PACKAGE.rglob("*.py"):
        if SEARCH not in path.parents:
            assert not any("automation.search." in f"{module}." for _, module in imports(path)), path


def test_the_program_travels_whole():
    files = program_files()
    assert {path for path in files if path.startswith(".maestro/maestro_search/families/")}
    assert COMMAND[1] in files
    assert all(path.startswith(".maestro/") for path in files)
