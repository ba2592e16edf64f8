"""Creating, getting and listing versions."""

import asyncio
import uuid
from typing import Any

import pytest
from maestro.templates.v1 import template_pb2, template_service_pb2
from maestro_client.errors import AlreadyExists, InvalidArgument, NotFound, PermissionDenied, ResourceExhausted

from .conftest import FILES, MANIFEST, PARENT, upload

Request = template_service_pb2.CreateTemplateVersionRequest


def manifest(version: str) -> dict[str, str | bytes]:
    return FILES | {"maestro-template.yaml": MANIFEST.replace("1.0.0", version)}


async def get_template(templates: Any, name: str = PARENT, who: str = "admin") -> template_pb2.Template:
    request = template_service_pb2.GetTemplateRequest(name=name)
    return (await templates.as_(who).get_template(request)).template


async def get_version(templates: Any, version: str, who: str = "admin") -> template_pb2.TemplateVersion:
    request = template_service_pb2.GetTemplateVersionRequest(name=f"{PARENT}/versions/{version}")
    return (await templates.as_(who).get_template_version(request)).template_version


async def list_versions(templates: Any, **arguments: Any) -> template_service_pb2.ListTemplateVersionsResponse:
    request = template_service_pb2.ListTemplateVersionsRequest(**{"parent": PARENT} | arguments)
    return await templates.client.list_template_versions(request)


async def test_a_created_version_is_got_as_it_was_answered(stored: Any) -> None:
    created = await stored.create(who="maintainer", labels={"team": "core"})
    assert created.name == f"{PARENT}/versions/1.0.0"
    assert created.state == template_pb2.TemplateVersion.STATE_PUBLISHED
    assert (created.file_count, created.labels["team"], created.creator.subject) == (3, "core", "mia")
    assert created.source.HasField("upload")
    assert [variable.name for variable in created.variables] == ["name", "times"]
    assert await get_version(stored, "1.0.0") == created
    assert await get_version(stored, "latest") == created


async def test_a_template_comes_into_being_with_its_first_version(stored: Any) -> None:
    with pytest.raises(NotFound) as missing:
        await get_template(stored)
    assert missing.value.reason == "RESOURCE_NOT_FOUND"
    await stored.create()
    template = await get_template(stored)
    assert (template.display_name, template.version_count) == ("Greeting", 1)
    assert template.latest_version == f"{PARENT}/versions/1.0.0"
    assert not template.built_in


async def test_a_template_shows_its_highest_version_without_prerelease_part(stored: Any) -> None:
    for version in ("2.0.0-rc.1", "1.10.0", "1.9.0"):
        files = manifest(version)
        files["maestro-template.yaml"] = str(files["maestro-template.yaml"]).replace("Greeting", f"G {version}")
        await stored.create(files)
    template = await get_template(stored)
    assert template.latest_version == f"{PARENT}/versions/1.10.0"
    assert (template.display_name, template.version_count) == ("G 1.10.0", 3)


async def test_versions_are_listed_by_precedence_in_pages(stored: Any) -> None:
    for version in ("1.2.0", "1.10.0", "1.10.0-alpha.9", "1.10.0-alpha.10", "1.10.0-beta"):
        await stored.create(manifest(version))
    first = await list_versions(stored, page_size=3)
    await stored.create(manifest("9.0.0"))
    second = await list_versions(stored, page_size=3, page_token=first.next_page_token)
    found = [one.name.rpartition("/")[2] for page in (first, second) for one in page.template_versions]
    assert found == ["1.10.0", "1.10.0-beta", "1.10.0-alpha.10", "1.10.0-alpha.9", "1.2.0"]
    assert not second.next_page_token


async def test_a_page_token_opens_its_own_list_only(templates: Any) -> None:
    for version in ("1.0.0", "2.0.0"):
        await templates.create(manifest(version))
        await templates.create(manifest(version), parent="projects/demo/templates/other")
    token = (await list_versions(templates, page_size=1)).next_page_token
    for wrong in (token[:-2] + "xx", "nonsense"):
        with pytest.raises(InvalidArgument) as refused:
            await list_versions(templates, page_token=wrong)
        assert refused.value.reason == "PAGE_TOKEN_INVALID"
    with pytest.raises(InvalidArgument):
        await list_versions(templates, parent="projects/demo/templates/other", page_token=token)


async def test_versions_of_a_missing_template_are_not_found(templates: Any) -> None:
    with pytest.raises(NotFound):
        await list_versions(templates)
    with pytest.raises(NotFound):
        await get_version(templates, "1.0.0")


async def test_a_version_never_changes(stored: Any) -> None:
    await stored.create()
    with pytest.raises(AlreadyExists) as refused:
        await stored.create(FILES | {"more.txt": "x"})
    assert refused.value.reason == "RESOURCE_EXISTS"
    assert refused.value.metadata["name"] == f"{PARENT}/versions/1.0.0"
    assert (await get_version(stored, "1.0.0")).file_count == 3


async def test_of_many_that_create_one_version_one_succeeds(stored: Any) -> None:
    answers = await asyncio.gather(
        *(stored.create(FILES | {"who.txt": str(number)}) for number in range(4)),
        *(stored.create(manifest(f"2.{number}.0")) for number in range(4)),
        return_exceptions=True,
    )
    refused = [answer for answer in answers if isinstance(answer, AlreadyExists)]
    assert len(refused) == 3
    assert not [answer for answer in answers if isinstance(answer, Exception) and answer not in refused]
    assert (await get_template(stored)).version_count == 5
    assert (await get_template(stored)).latest_version.endswith("/2.3.0")


async def test_a_built_in_template_is_seen_everywhere_and_belongs_to_nobody(stored: Any) -> None:
    for project in ("demo", "other"):
        template = await get_template(stored, f"projects/{project}/templates/python-service")
        assert template.built_in
        assert template.name == f"projects/{project}/templates/python-service"
    with pytest.raises(AlreadyExists):
        await stored.create(parent="projects/demo/templates/python-service")


async def test_a_repeated_request_answers_the_first_version(stored: Any) -> None:
    request_id = str(uuid.uuid4())
    created = await stored.create(request_id=request_id)
    assert await stored.create(request_id=request_id) == created
    with pytest.raises(AlreadyExists) as refused:
        await stored.create(FILES | {"more.txt": "x"}, request_id=request_id)
    assert refused.value.reason == "REQUEST_ID_REUSED"


async def test_validate_only_checks_everything_and_stores_nothing(templates: Any) -> None:
    assert (await templates.create(validate_only=True)).file_count == 3
    with pytest.raises(NotFound):
        await get_template(templates)
    await templates.create()
    with pytest.raises(AlreadyExists):
        await templates.create(validate_only=True)


async def test_the_request_may_name_the_version(templates: Any) -> None:
    unnamed = FILES | {"maestro-template.yaml": MANIFEST.replace("version: 1.0.0\n", "")}
    assert (await templates.create(unnamed, version="3.1.4")).name == f"{PARENT}/versions/3.1.4"
    with pytest.raises(InvalidArgument) as contradicted:
        await templates.create(FILES, version="2.0.0")
    assert contradicted.value.reason == "TEMPLATE_INVALID"
    assert (contradicted.value.metadata["line"], contradicted.value.metadata["column"]) == ("2", "10")
    with pytest.raises(InvalidArgument) as malformed:
        await templates.create(unnamed, version="1.0")
    assert (malformed.value.reason, malformed.value.metadata["field"]) == ("FIELD_INVALID", "hello.version")


async def test_a_faulty_manifest_is_told_with_file_line_and_column(templates: Any) -> None:
    broken = MANIFEST.replace("keywords:", "keyword:")
    with pytest.raises(InvalidArgument) as refused:
        await templates.create_text("x", broken)
    assert refused.value.reason == "TEMPLATE_INVALID"
    metadata = refused.value.metadata
    assert (metadata["file"], metadata["line"], metadata["column"]) == ("maestro-template.yaml", "4", "1")
    assert "did you mean `keywords`" in metadata["rule"]


async def test_a_faulty_file_is_told_with_its_line(templates: Any) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await templates.create_text("fine\n{% if name %}never ended")
    assert refused.value.reason == "TEMPLATE_INVALID"
    assert (refused.value.metadata["file"], refused.value.metadata["line"]) == ("file.txt", "2")


async def test_an_unsafe_path_is_refused(templates: Any) -> None:
    unsafe = (
        "../x",
        "/etc/passwd",
        "a/../b",
        "a//b",
        "a\\b",
        "C:/x",
        ".git/hooks/post-checkout",
        "a/.GIT/config",
        "nul",
    )
    for path in (*unsafe, "a\nb", "x\u202ey", "ﬁle/../x", "a/ b", "a."):
        with pytest.raises(InvalidArgument) as refused:
            await templates.create(FILES | {path: "x"})
        assert refused.value.reason == "TEMPLATE_INVALID"
        assert refused.value.metadata["file"] == path


async def test_paths_that_differ_only_in_case_are_refused(templates: Any) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await templates.create(FILES | {"Readme": "x", "README": "y"})
    assert refused.value.reason == "TEMPLATE_INVALID"


async def test_a_template_without_manifest_is_refused(templates: Any) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await templates.create({"file.txt": "x"})
    assert refused.value.metadata["file"] == "maestro-template.yaml"


async def test_too_many_files_or_bytes_are_refused(templates: Any) -> None:
    with pytest.raises(ResourceExhausted) as many:
        await templates.create(FILES | {f"f{number}": "" for number in range(2000)})
    assert (many.value.reason, many.value.metadata["limit"]) == ("LIMIT_EXCEEDED", "files")
    with pytest.raises(ResourceExhausted) as large:
        await templates.create(FILES | {f"f{number}": b"x" * (1 << 20) for number in range(17)})
    assert (large.value.reason, large.value.metadata["limit"]) == ("LIMIT_EXCEEDED", "size_bytes")


async def test_an_upload_begins_with_hello(templates: Any) -> None:
    async def headless() -> Any:
        async for request in upload(FILES):
            if request.HasField("files"):
                yield request

    with pytest.raises((InvalidArgument, PermissionDenied)) as refused:
        await templates.client.create_template_version(headless())
    assert refused.value.reason == "HELLO_EXPECTED"


async def test_data_before_a_path_is_refused(templates: Any) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await templates.create({"": "data of nothing"})
    assert refused.value.reason == "FIELD_INVALID"


async def test_a_second_hello_is_refused(templates: Any) -> None:
    async def twice() -> Any:
        async for request in upload(FILES):
            yield request
            if request.HasField("hello"):
                yield request

    with pytest.raises(InvalidArgument) as refused:
        await templates.client.create_template_version(twice())
    assert (refused.value.reason, refused.value.metadata["field"]) == ("FIELD_INVALID", "hello")


@pytest.mark.parametrize("who", ["developer", "viewer", "stranger"])
async def test_only_maintainers_create_versions(templates: Any, who: str) -> None:
    with pytest.raises(PermissionDenied) as refused:
        await templates.create(who=who)
    assert refused.value.reason == "PERMISSION_DENIED"


async def test_templates_stay_in_their_project(templates: Any) -> None:
    await templates.create()
    with pytest.raises(PermissionDenied):
        await get_template(templates, who="stranger")
    with pytest.raises(NotFound):
        await get_template(templates, "projects/other/templates/greeting", who="stranger")


@pytest.mark.parametrize("name", ["", "greeting", "projects/demo/templates/UPPER", "projects/demo/runs/x"])
async def test_a_malformed_name_is_refused(templates: Any, name: str) -> None:
    with pytest.raises((InvalidArgument, PermissionDenied)):
        await get_template(templates, name)


async def test_versions_outlive_a_restart(serve: Any) -> None:
    async with serve() as templates:
        created = await templates.create()
    async with serve() as templates:
        assert await get_version(templates, "1.0.0") == created
        assert (await templates.render()).files["world.txt"] == b"Hello world!\n"
