"""`maestro services`: the instances of the mesh."""

from typing import TYPE_CHECKING

import click

from maestro_cli.options import on_platform

if TYPE_CHECKING:
    from maestro_cli.session import Session


@click.command()
@click.argument("service", default="-")
@on_platform
async def services(session: "Session", service: str) -> None:
    """List the instances of SERVICE, or of all services."""
    from maestro.registry.v1 import instance_pb2, registry_service_pb2
    from maestro_client.paging import pages

    from maestro_cli.text import table, when, word

    request = registry_service_pb2.ListInstancesRequest(parent=f"services/{service}")
    whole = registry_service_pb2.ListInstancesResponse()
    async for page in pages(session.maestro.registry.list_instances, request):
        whole.instances.extend(page.instances)
    if session.json:
        session.document(whole)
        return
    rows = []
    for one in whole.instances:
        _, name, _, instance = one.name.split("/")
        state = word(instance_pb2.Instance.State.Name(one.state).removeprefix("STATE_"))
        rows.append((name, instance, state, one.address, one.version, when(one.create_time)))
    headings = ("service", "instance", "state", "address", "version", "registered")
    table(session.console, headings, rows, none="no instances are registered")
