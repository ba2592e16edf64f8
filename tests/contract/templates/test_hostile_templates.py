"""Published path-traversal payloads, colliding paths and hostile manifests."""

from typing import Any

import pytest
from maestro_client.errors import FailedPrecondition, InvalidArgument

TRAVERSALS = [
    "../../../../tmp/escape",
    "..",
    "a/../../escape",
    "/etc/cron.d/escape",
    "//escape",
    "C:\\escape",
    "C:/escape",
    "..\\..\\escape",
    "\\\\host\\share",
    "a/./b",
    "a\x00b",
    "a\nb",
    ".git/hooks/post-checkout",
    "x/.git/config",
    ".GIT/config",
    ".g\u200cit/config",
    "git~1/config",
    "CON",
    "aux.txt",
    "a. ",
    " a",
    "a/b/",
    "\u202egnp.exe",
    "x" * 300,
    "a/" * 600 + "b",
]


async def test_no_path_leaves_the_target(templates: Any) -> None:
    manifest = "display_name: x\nversion: 1.0.0\nvariables:\n  where: {required: true}\n"
    await templates.create({"maestro-template.yaml": manifest, "{{ where }}": "x", "safe.txt": "y"})
    for path in TRAVERSALS:
        with pytest.raises(FailedPrecondition) as refused:
            await templates.render(where=path)
        assert refused.value.reason == "RENDER_FAILED", path
        assert refused.value.metadata["file"] == "{{ where }}"


@pytest.mark.parametrize("where", ["SAFE.txt", "safe.txt", "safe.txt/below", "Safe.TXT"])
async def test_paths_do_not_collide(templates: Any, where: str) -> None:
    manifest = "display_name: x\nversion: 1.0.0\nvariables:\n  where: {required: true}\n"
    await templates.create({"maestro-template.yaml": manifest, "{{ where }}": "x", "safe.txt": "y"})
    with pytest.raises(FailedPrecondition) as refused:
        await templates.render(where=where)
    assert refused.value.reason == "RENDER_FAILED"


async def test_a_file_that_renders_to_nothing_in_its_name_is_left_out(templates: Any) -> None:
    manifest = "display_name: x\nversion: 1.0.0\nvariables:\n  where: {}\n"
    await templates.create({"maestro-template.yaml": manifest, "a/{{ where }}/b": "x", "safe.txt": "y"})
    assert set((await templates.render()).files) == {"safe.txt"}


@pytest.mark.parametrize(
    "manifest",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "display_name: !!python/object/apply:os.system ['id']\n",
        "display_name: !!python/name:os.system\n",
        "<<: *base\n",
        "[" * 10_000,
        "{a: " * 5_000,
        "- " * 5_000,
        "? " * 5_000,
        "display_name: x\n" * 3,
        "\ufeff\x85\u2028",
    ],
)
async def test_a_hostile_manifest_is_refused_with_its_place(templates: Any, manifest: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await templates.create_text("x", manifest)
    assert refused.value.reason == "TEMPLATE_INVALID"
    assert int(refused.value.metadata["line"]) >= 1
    assert int(refused.value.metadata["column"]) >= 1
