"""Full-text search and lists of templates, the same on each database."""

from typing import Any

import pytest
from maestro.templates.v1 import template_service_pb2
from maestro_client.errors import InvalidArgument, PermissionDenied

LIBRARY = {
    "go-worker": ("Go worker", "Consumes a queue and processes messages in the background.", "go, queue, consumer"),
    "react-app": ("React application", "A single page application with routing and forms.", "frontend, typescript"),
    "data-pipeline": ("Data pipeline", "Extracts, transforms and loads tables every night.", "etl, batch, sql"),
    "kafka-stream": ("Stream processor", "Processes a stream of messages from Kafka.", "queue, streaming"),
}


@pytest.fixture
async def library(stored: Any) -> Any:
    for template, (display_name, description, keywords) in LIBRARY.items():
        manifest = f"display_name: {display_name}\nversion: 1.0.0\ndescription: {description}\nkeywords: [{keywords}]\n"
        await stored.create_text("x", manifest, parent=f"projects/demo/templates/{template}")
    await stored.create_text("x", manifest, parent="projects/other/templates/foreign-queue")
    return stored


async def search(templates: Any, query: str, **arguments: Any) -> list[str]:
    request = template_service_pb2.SearchTemplatesRequest(parent="projects/demo", query=query, **arguments)
    response = await templates.client.search_templates(request)
    scores = [result.score for result in response.results]
    assert scores == sorted(scores, reverse=True)
    return [result.template.name.rpartition("/")[2] for result in response.results]


async def list_templates(templates: Any, **arguments: Any) -> list[str]:
    request = template_service_pb2.ListTemplatesRequest(parent="projects/demo", **arguments)
    response = await templates.client.list_templates(request)
    return [template.name.rpartition("/")[2] for template in response.templates]


async def test_words_of_any_field_and_their_forms_find_a_template(library: Any) -> None:
    assert await search(library, "routing") == ["react-app"]
    assert await search(library, "etl") == ["data-pipeline"]
    assert await search(library, "react") == ["react-app"]
    assert await search(library, "extracting transformation") == ["data-pipeline"]


async def test_more_of_the_words_stand_higher(library: Any) -> None:
    assert (await search(library, "messages from a kafka stream"))[0] == "kafka-stream"
    assert set(await search(library, "process queue")) == {"go-worker", "kafka-stream"}
    assert (await search(library, "python service with orders"))[0] == "python-service"


async def test_other_projects_are_not_searched(library: Any) -> None:
    assert "foreign-queue" not in await search(library, "foreign queue")


async def test_only_the_latest_version_is_found(library: Any) -> None:
    manifest = "display_name: Worker\nversion: 2.0.0\nkeywords: [rabbit]\n"
    await library.create_text("x", manifest, parent="projects/demo/templates/go-worker")
    assert await search(library, "rabbit") == ["go-worker"]
    assert "go-worker" not in await search(library, "background")


async def test_every_text_is_a_valid_query(library: Any) -> None:
    for query in ('"', "AND OR NOT", "a* b:c (d", "-- ; DROP TABLE", "'", "!!!", "日本", "NEAR(a b)", "\x00"):
        await search(library, query)


async def test_searches_have_pages(library: Any) -> None:
    request = template_service_pb2.SearchTemplatesRequest(
        parent="projects/demo", query="queue messages stream table application", page_size=2
    )
    found: list[str] = []
    while True:
        response = await library.client.search_templates(request)
        found += [result.template.name for result in response.results]
        if not response.next_page_token:
            break
        request.page_token = response.next_page_token
    assert len(found) == len(set(found)) >= 3
    request.query = "another"
    request.page_token = request.page_token or "x"
    with pytest.raises(InvalidArgument) as refused:
        await library.client.search_templates(request)
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


async def test_an_empty_or_endless_query_is_refused(templates: Any) -> None:
    for query in ("", "x" * 501):
        with pytest.raises(InvalidArgument) as refused:
            await search(templates, query)
        assert refused.value.reason == "FIELD_INVALID"


async def test_templates_are_listed_by_id_in_pages(library: Any) -> None:
    request = template_service_pb2.ListTemplatesRequest(parent="projects/demo", page_size=2)
    first = await library.client.list_templates(request)
    await library.create_text("x", parent="projects/demo/templates/aaa")
    request.page_token = first.next_page_token
    second = await library.client.list_templates(request)
    request.page_token = second.next_page_token
    third = await library.client.list_templates(request)
    found = [one.name.rpartition("/")[2] for page in (first, second, third) for one in page.templates]
    assert found == ["data-pipeline", "go-worker", "kafka-stream", "python-service", "react-app"]
    assert not third.next_page_token


async def test_lists_are_filtered(library: Any) -> None:
    conditions = {
        "built_in = true": ["python-service"],
        "built_in = false AND display_name : pipe": ["data-pipeline"],
        'display_name = "Go worker" OR built_in = true': ["go-worker", "python-service"],
        'create_time > "2100-01-01T00:00:00Z"': [],
    }
    for condition, found in conditions.items():
        assert await list_templates(library, filter=condition) == found


async def test_a_wrong_filter_is_refused(templates: Any) -> None:
    for condition in ("built_in = maybe", "nothing = 1", "display_name > x", "(", "create_time > x"):
        with pytest.raises(InvalidArgument) as refused:
            await list_templates(templates, filter=condition)
        assert refused.value.reason == "FILTER_INVALID"


async def test_a_list_refuses_a_token_of_another_filter(library: Any) -> None:
    request = template_service_pb2.ListTemplatesRequest(parent="projects/demo", page_size=1)
    token = (await library.client.list_templates(request)).next_page_token
    with pytest.raises(InvalidArgument) as refused:
        await list_templates(library, page_token=token, filter="built_in = true")
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


async def test_strangers_neither_list_nor_search(templates: Any) -> None:
    client = templates.as_("stranger")
    with pytest.raises(PermissionDenied):
        await client.list_templates(template_service_pb2.ListTemplatesRequest(parent="projects/demo"))
    with pytest.raises(PermissionDenied):
        await client.search_templates(template_service_pb2.SearchTemplatesRequest(parent="projects/demo", query="x"))
