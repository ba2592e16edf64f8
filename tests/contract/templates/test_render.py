"""Rendering: what comes back, and what is refused."""

import asyncio
import hashlib
import resource
from typing import Any

import pytest
from maestro.templates.v1 import template_service_pb2
from maestro_client.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, ResourceExhausted

from .conftest import FILES, MANIFEST, PARENT


async def test_files_and_names_are_rendered_and_binary_files_copied(stored: Any) -> None:
    await stored.create()
    project = await stored.render(name="Ada Lovelace", times=2, who="developer")
    assert project.files == {
        "ada lovelace.txt": b"Hello Ada Lovelace!\nHello Ada Lovelace!\n",
        "logo.png": b"\x89PNG\x00{{ not a template }}",
    }


async def test_the_summary_says_what_was_rendered(templates: Any) -> None:
    await templates.create()
    project = await templates.render(times=3)
    assert project.summary.template_version == f"{PARENT}/versions/1.0.0"
    assert project.summary.variables["name"].string_value == "world"
    assert project.summary.variables["times"].integer_value == 3
    assert (project.summary.file_count, project.summary.size_bytes) == (2, sum(map(len, project.files.values())))
    listing = "".join(
        f"{hashlib.sha256(content).hexdigest()} - {path}\n" for path, content in sorted(project.files.items())
    )
    assert project.summary.digest.sha256 == hashlib.sha256(listing.encode()).hexdigest()


async def test_rendering_again_with_the_values_used_gives_the_same_bytes(templates: Any) -> None:
    await templates.create()
    first = await templates.render(name="Bob")
    second = await templates.render(
        **{
            name: value.string_value if value.HasField("string_value") else value.integer_value
            for name, value in first.summary.variables.items()
        }
    )
    assert second == first


async def test_validate_only_sends_the_summary_alone(templates: Any) -> None:
    await templates.create()
    project = await templates.render(validate_only=True)
    assert project.files == {}
    assert project.summary.file_count == 2


async def test_a_large_file_comes_in_pieces(templates: Any) -> None:
    content = bytes(range(256)) * 20_000
    await templates.create(FILES | {"large.bin": content})
    assert (await templates.render()).files["large.bin"] == content


async def test_executable_files_stay_executable(templates: Any) -> None:
    async def requests() -> Any:
        hello = template_service_pb2.CreateTemplateVersionHello(parent=PARENT)
        yield template_service_pb2.CreateTemplateVersionRequest(hello=hello)
        batch = template_service_pb2.CreateTemplateVersionRequest()
        batch.files.chunks.add(path="maestro-template.yaml", data=MANIFEST.encode())
        batch.files.chunks.add(path="run.sh", data=b"#!/bin/sh\n", executable=True)
        yield batch

    await templates.client.create_template_version(requests())
    assert (await templates.render()).executable == {"run.sh"}


async def test_globs_copy_and_leave_out(templates: Any) -> None:
    manifest = MANIFEST + "root: files\ncopy_without_render: ['*.tpl', 'raw/*']\nexclude: ['*.bak']\n"
    files = {
        "maestro-template.yaml": manifest,
        "README.md": "of the template itself",
        "files/a.tpl": "{{ raw",
        "files/raw/b.txt": "{% raw",
        "files/c.bak": "gone",
        "files/{% if times > 1 %}many{% endif %}/d.txt": "only for many",
        "files/e.txt": "{{ times }}",
    }
    await templates.create(files)
    assert set((await templates.render()).files) == {"a.tpl", "raw/b.txt", "e.txt"}
    assert "many/d.txt" in (await templates.render(times=2)).files


async def test_a_suffix_marks_the_files_to_render(templates: Any) -> None:
    files = {
        "maestro-template.yaml": MANIFEST + "suffix: .jinja\n",
        "a.py.jinja": "x = {{ times }}",
        "b.py": "{{ as it is }}",
    }
    await templates.create(files)
    assert (await templates.render()).files == {"a.py": b"x = 1", "b.py": b"{{ as it is }}"}


@pytest.mark.parametrize(
    ("given", "variable"),
    [
        ({"name": "digits 1"}, "name"),
        ({"name": "x" * 41}, "name"),
        ({"name": 3}, "name"),
        ({"name": ["a"]}, "name"),
        ({"times": 0}, "times"),
        ({"times": 6}, "times"),
        ({"times": "2"}, "times"),
        ({"times": True}, "times"),
        ({"unknown": "x"}, "unknown"),
    ],
)
async def test_a_wrong_value_is_refused_with_its_variable(templates: Any, given: Any, variable: str) -> None:
    await templates.create()
    with pytest.raises(InvalidArgument) as refused:
        await templates.render(**given)
    assert (refused.value.reason, refused.value.metadata["variable"]) == ("VARIABLE_INVALID", variable)


@pytest.mark.parametrize("rule", ["pattern: '[a-z]+'", "min: 1"])
async def test_a_value_that_the_rules_do_not_allow_empty_is_needed(templates: Any, rule: str) -> None:
    manifest = f"display_name: x\nversion: 1.0.0\nvariables:\n  person: {{{rule}}}\n"
    await templates.create_text("{{ person }}", manifest)
    with pytest.raises(InvalidArgument) as refused:
        await templates.render()
    assert (refused.value.reason, refused.value.metadata["variable"]) == ("VARIABLE_INVALID", "person")
    assert (await templates.render(person="ada")).files["file.txt"] == b"ada"


async def test_required_choice_boolean_and_list_variables_have_rules(templates: Any) -> None:
    manifest = (
        "display_name: x\nversion: 1.0.0\nvariables:\n  person: {required: true}\n"
        "  size: {type: choice, choices: [s, m]}\n  loud: {type: boolean}\n"
        "  tags: {type: strings, max: 2, pattern: '[a-z]+'}\n"
    )
    await templates.create_text("{{ person }} {{ size }} {{ loud }} {{ tags | join('+') }}", manifest)
    rendered = await templates.render(person="ada", size="m", loud=True, tags=["a", "b"])
    assert rendered.files["file.txt"] == b"ada m True a+b"
    assert (await templates.render(person="ada")).files["file.txt"] == b"ada s False "
    for wrong in ({"size": "l"}, {"tags": ["a"] * 3}, {"tags": ["A"]}, {"loud": 1}):
        with pytest.raises(InvalidArgument) as refused:
            await templates.render(person="a", **wrong)
        assert refused.value.reason == "VARIABLE_INVALID"
    with pytest.raises(InvalidArgument) as missing:
        await templates.render()
    assert missing.value.metadata["variable"] == "person"


async def test_a_default_may_be_made_of_the_variables_before(templates: Any) -> None:
    manifest = (
        "display_name: x\nversion: 1.0.0\nvariables:\n  title: {default: My App}\n"
        "  module: {default: \"{{ title | lower | replace(' ', '_') }}\", pattern: '[a-z_]+'}\n"
    )
    await templates.create_text("{{ module }}", manifest)
    assert (await templates.render(title="Big Thing")).files["file.txt"] == b"big_thing"
    with pytest.raises(InvalidArgument) as refused:
        await templates.render(title="R2 D2")
    assert refused.value.metadata["variable"] == "module"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nb {{ undefined_name }}", 2),
        ("{{ name.nothing }}", 1),
        ("{{ 1 / 0 }}", 1),
        ("\n\n{% include '/etc/passwd' %}", 3),
        ("{% import 'os' as os %}", 1),
    ],
)
async def test_a_failing_file_is_told_with_its_line(templates: Any, text: str, line: int) -> None:
    await templates.create_text(text)
    with pytest.raises(FailedPrecondition) as refused:
        await templates.render()
    assert refused.value.reason == "RENDER_FAILED"
    assert (refused.value.metadata["file"], refused.value.metadata["line"]) == ("file.txt", str(line))


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}", "fuel"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion"),
        ("{% set x = 'a' * 100000 %}{% for i in range(10000) %}{{ x }}{% endfor %}", "memory_bytes"),
        ("{{ 'a' * 1000000000 }}", "output_bytes"),
        ("{{ 'a' * 80000000 }}", "output_bytes"),
    ],
)
async def test_a_greedy_template_is_stopped_and_the_service_stays_up(templates: Any, text: str, limit: str) -> None:
    await templates.create_text(text)
    with pytest.raises(ResourceExhausted) as refused:
        await templates.render()
    assert (refused.value.reason, refused.value.metadata["limit"]) == ("RENDER_LIMIT", limit)
    assert int(refused.value.metadata["value"]) > 0
    assert (await templates.render("projects/demo/templates/python-service/versions/latest")).summary.file_count > 10


async def test_what_a_template_uses_is_not_the_services_memory(templates: Any) -> None:
    await templates.create_text("{% set x = 'a' * 10000000 %}{% for i in range(200) %}{{ x }}{% endfor %}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        with pytest.raises(ResourceExhausted):
            await templates.render()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


async def test_a_pattern_that_takes_for_ever_is_stopped(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_TEMPLATES_RENDER_CPU_SECONDS", "1")
    async with serve() as templates:
        manifest = "display_name: x\nversion: 1.0.0\nvariables:\n  a: {pattern: '(a+)+b'}\n"
        await templates.create_text("x", manifest)
        with pytest.raises(ResourceExhausted) as refused:
            await templates.render(a="a" * 60)
        assert (refused.value.reason, refused.value.metadata["limit"]) == ("RENDER_LIMIT", "cpu_seconds")


async def test_a_rendering_has_a_wall_limit(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_TEMPLATES_RENDER_WALL_SECONDS", "2")
    async with serve() as templates:
        manifest = "display_name: x\nversion: 1.0.0\nvariables:\n  a: {pattern: '(a+)+b'}\n"
        await templates.create_text("x", manifest)
        with pytest.raises(ResourceExhausted) as refused:
            await templates.render(a="a" * 60)
        assert refused.value.metadata == {"limit": "wall_seconds", "value": "2.0"}


async def test_renderings_wait_for_their_turn(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_TEMPLATES_CHILDREN", "1")
    async with serve() as templates:
        await templates.create()
        projects = await asyncio.gather(*(templates.render(times=times) for times in (1, 2, 3)))
        assert [len(project.files["world.txt"]) for project in projects] == [13, 26, 39]


async def test_a_caller_that_goes_away_frees_its_place(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_TEMPLATES_CHILDREN", "1")
    async with serve() as templates:
        await templates.create(FILES | {f"large{number}.bin": b"\0" * (3 << 20) for number in range(5)})
        request = template_service_pb2.RenderTemplateRequest(name=f"{PARENT}/versions/1.0.0")
        stream = templates.client.render_template(request)
        await anext(aiter(stream))
        await stream.aclose()
        assert (await templates.render()).summary.file_count == 7


async def test_a_missing_version_is_not_found(templates: Any) -> None:
    await templates.create()
    with pytest.raises(NotFound) as refused:
        await templates.render(f"{PARENT}/versions/2.0.0")
    assert refused.value.metadata["name"] == f"{PARENT}/versions/2.0.0"


@pytest.mark.parametrize("who", ["viewer", "stranger"])
async def test_only_developers_render(templates: Any, who: str) -> None:
    await templates.create()
    with pytest.raises(PermissionDenied) as refused:
        await templates.render(who=who)
    assert refused.value.reason == "PERMISSION_DENIED"
