"""The built-in template: what it renders is green and clean, whatever is chosen."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from maestro_services.templates.builtin_templates import built_in_files
from maestro_services.templates.children.parent import Children
from maestro_services.templates.domain.files import tree_hash
from maestro_services.templates.domain.limits import RenderLimits
from maestro_services.templates.domain.rendering import Piece
from maestro_services.templates.domain.template import MANIFEST
from maestro_services.templates.manifest.manifest import parse_manifest
from maestro_services.templates.rendering.renderer import Renderer

CHOICES: list[dict[str, Any]] = [
    {},
    {"include_http": False},
    {"license": "Apache-2.0", "python_version": "3.13", "authors": ("Ada", "Bob")},
    {"license": "Proprietary", "currency": "CHF", "authors": ()},
    {"project_name": "Invoice-Hub", "description": "Books 'invoices' & more <now>."},
    {"package_name": "a_long_name_of_a_package_with_40_letters"},
]


async def render(target: Path, given: dict[str, Any]) -> set[str]:
    files = built_in_files("python-service")
    manifest = parse_manifest(next(file.content for file in files if file.path == MANIFEST))
    renderer = Renderer(Children(1), RenderLimits())
    await renderer.check(manifest, files)
    content: dict[str, bytes] = {}
    path = ""
    async for part in renderer.render(manifest, files, given):
        if isinstance(part, Piece):
            path = part.path or path
            content[path] = content.get(path, b"") + part.data
    for name, data in content.items():
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return set(content)


async def run(target: Path, *command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *command), cwd=target, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    return output


@pytest.mark.parametrize("given", CHOICES, ids=lambda given: "-".join(given) or "defaults")
async def test_a_rendered_project_passes_its_own_tests_and_the_linter(tmp_path: Path, given: dict[str, Any]) -> None:
    files = await render(tmp_path, given)
    assert "{" not in "".join(files)
    assert " passed" in await run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio")
    await run(tmp_path, "ruff", "check", "--no-cache")
    await run(tmp_path, "ruff", "format", "--check", "--no-cache")


async def test_options_decide_which_files_there_are(tmp_path: Path) -> None:
    everything = await render(tmp_path, {})
    assert {"LICENSE", "src/order_service/http_api.py", "tests/test_http_api.py", ".gitignore"} <= everything
    less = await render(tmp_path, {"include_http": False, "license": "Proprietary"})
    assert everything - less == {
        "LICENSE",
        "src/order_service/http_api.py",
        "src/order_service/__main__.py",
        "tests/test_http_api.py",
    }


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("pieces >= minimum", "pieces > minimum"),
        ("amount < coupon.minimum", "amount <= coupon.minimum"),
        ("amount >= FREE_SHIPPING_FROM", "amount > FREE_SHIPPING_FROM"),
        ("max(0, pieces - PIECES_IN_BASE)", "max(0, pieces + PIECES_IN_BASE)"),
        ("amount - by_quantity", "amount + by_quantity"),
    ],
)
async def test_a_defect_of_one_edit_in_the_pricing_rules_is_noticed(tmp_path: Path, right: str, wrong: str) -> None:
    await render(tmp_path, {"include_http": False})
    pricing = tmp_path / "src" / "order_service" / "pricing.py"
    text = pricing.read_text()
    assert text.count(right) == 1
    pricing.write_text(text.replace(right, wrong))
    with pytest.raises(AssertionError, match=" failed"):
        await run(tmp_path, "pytest", "-q", "-x", "-p", "no:asyncio", "tests/test_pricing.py")


def test_the_version_that_was_published_is_not_changed() -> None:
    """Versions are immutable: a change of the template needs a new version, and its digest here."""
    assert (
        tree_hash(built_in_files("python-service")).digest().sha256
        == "3067d5668236d35f8002ed2465d9346a08d68038ee56dd49d0010b9f9fae8580"
    )
