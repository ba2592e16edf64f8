from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from maestro.templates.v1 import template_pb2, template_service_pb2
from maestro_cli.failures import Failure
from maestro_cli.renderings import render, values_for, version_messages, version_name
from maestro_client.tree import TreeError, take_snapshot

Variable = template_pb2.Variable


def test_versions_are_named_as_people_write_them() -> None:
    assert version_name("projects/p", "a") == "projects/p/templates/a/versions/latest"
    assert version_name("projects/p", "a@1.2.0") == "projects/p/templates/a/versions/1.2.0"
    assert version_name("projects/p", "projects/q/templates/a") == "projects/q/templates/a/versions/latest"


def test_values_take_the_type_of_their_variable() -> None:
    variables = [
        Variable(name="s", type=Variable.TYPE_STRING),
        Variable(name="i", type=Variable.TYPE_INTEGER),
        Variable(name="b", type=Variable.TYPE_BOOLEAN),
        Variable(name="l", type=Variable.TYPE_STRING_LIST),
    ]
    values = values_for(variables, {"s": "x", "i": "-3", "b": "yes", "l": "a, b"})
    assert values["s"].string_value == "x"
    assert values["i"].integer_value == -3
    assert values["b"].boolean_value is True
    assert list(values["l"].list_value.values) == ["a", "b"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [({"x": "1"}, "no variable x"), ({"i": "one"}, "whole number"), ({"b": "perhaps"}, "true or false")],
)
def test_a_value_that_does_not_fit_is_refused_before_the_call(said: dict[str, str], sentence: str) -> None:
    variables = [Variable(name="i", type=Variable.TYPE_INTEGER), Variable(name="b", type=Variable.TYPE_BOOLEAN)]
    with pytest.raises(Failure, match=sentence):
        values_for(variables, said)


def platform(*chunks: template_pb2.FileChunk, whole: bool = True) -> Any:
    async def answer(_: object) -> AsyncIterator[template_service_pb2.RenderTemplateResponse]:
        for chunk in chunks:
            yield template_service_pb2.RenderTemplateResponse(files=template_pb2.FileBatch(chunks=[chunk]))
        if whole:
            summary = template_service_pb2.RenderSummary(file_count=len(chunks))
            yield template_service_pb2.RenderTemplateResponse(summary=summary)

    return SimpleNamespace(templates=SimpleNamespace(render_template=answer))


REQUEST = template_service_pb2.RenderTemplateRequest()


async def test_a_rendering_is_written_with_its_modes(tmp_path: Path) -> None:
    target = tmp_path / "new" / "project"
    chunks = [
        template_pb2.FileChunk(path="bin/run", executable=True, data=b"#!"),
        template_pb2.FileChunk(data=b"/bin/sh"),
        template_pb2.FileChunk(path="empty"),
    ]
    await render(platform(*chunks), REQUEST, target)
    assert (target / "bin/run").read_bytes() == b"#!/bin/sh"
    assert (target / "bin/run").stat().st_mode & 0o777 == 0o755
    assert (target / "empty").read_bytes() == b""
    assert [path.name for path in target.parent.iterdir()] == ["project"]


async def test_a_rendering_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    chunk = template_pb2.FileChunk(path="a", data=b"1")
    with pytest.raises(Failure, match="before all files had come"):
        await render(platform(chunk, whole=False), REQUEST, tmp_path / "project")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["../a", "/a", "a/../../b"])
async def test_a_path_that_leads_out_is_not_written(tmp_path: Path, path: str) -> None:
    with pytest.raises(TreeError):
        await render(platform(template_pb2.FileChunk(path=path, data=b"1")), REQUEST, tmp_path / "in" / "project")
    assert not list(tmp_path.glob("**/[ab]"))


async def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(Failure, match="not an empty folder"):
        await render(platform(), REQUEST, tmp_path)


async def test_a_folder_is_sent_whole_in_batches(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (3 << 19))
    for number in range(5):
        (tmp_path / f"small{number}").write_bytes(b"y")
    hello = template_service_pb2.CreateTemplateVersionHello(parent="projects/p/templates/t")
    first, *messages = [message async for message in version_messages(hello, take_snapshot(tmp_path))]
    assert first.hello == hello
    assert all(sum(len(chunk.data) for chunk in one.files.chunks) <= 1 << 20 for one in messages)
    chunks = [chunk for one in messages for chunk in one.files.chunks]
    assert sum(len(chunk.data) for chunk in chunks) == (3 << 19) + 5
    assert [chunk.path for chunk in chunks if chunk.path] == ["large", *(f"small{number}" for number in range(5))]
