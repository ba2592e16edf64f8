"""`maestro token`: tokens for people and scripts."""

from typing import TYPE_CHECKING

import click

from maestro_cli.options import Options, on_platform, shared

if TYPE_CHECKING:
    from maestro_cli.session import Session

_ROLES = ("viewer", "developer", "maintainer", "admin")


@click.group()
def token() -> None:
    """Keep tokens for people and scripts."""


@token.command()
@click.argument("name")
@click.option(
    "--role", type=click.Choice(_ROLES), default="developer", show_default=True, help="What its holder may do."
)
@click.option("--expires", default="90d", show_default=True, metavar="DAYS", help="When it ends, such as 30d.")
@on_platform
async def create(session: "Session", name: str, role: str, expires: str) -> None:
    """Create a token called NAME, and show its secret, this once."""
    from maestro.common.v1 import authorization_pb2
    from maestro.registry.v1 import token_pb2, token_service_pb2

    wanted = token_pb2.Token(display_name=name, role=authorization_pb2.Role.Value(f"ROLE_{role.upper()}"))
    wanted.expire_time.FromSeconds(_end(expires))
    request = token_service_pb2.CreateTokenRequest(parent=session.parent, token=wanted)
    response = await session.maestro.tokens.create_token(request)
    if session.json:
        session.document(response)
        return
    click.echo(response.secret)
    click.secho("this is shown once: keep it where MAESTRO_TOKEN is set from", dim=True, err=True)


def _end(expires: str) -> int:
    import time

    from maestro_cli.failures import Failure

    days = expires.removesuffix("d")
    if not days.isdigit():
        raise Failure(f"{expires!r} is no number of days", "write it as 30d")
    return int(time.time()) + int(days) * 86_400


@token.command(name="list")
@on_platform
async def list_tokens(session: "Session") -> None:
    """List the tokens of the project, without their secrets."""
    from maestro.common.v1 import authorization_pb2
    from maestro.registry.v1 import token_service_pb2
    from maestro_client.paging import pages

    from maestro_cli.text import short, table, when

    request = token_service_pb2.ListTokensRequest(parent=session.parent)
    whole = token_service_pb2.ListTokensResponse()
    async for page in pages(session.maestro.tokens.list_tokens, request):
        whole.tokens.extend(page.tokens)
    if session.json:
        session.document(whole)
        return
    rows = [
        (
            short(one.name),
            authorization_pb2.Role.Name(one.role).removeprefix("ROLE_").lower(),
            when(one.create_time),
            f"revoked {when(one.revoke_time)}" if one.revoke_time.seconds else when(one.expire_time),
            one.display_name,
        )
        for one in whole.tokens
    ]
    table(session.console, ("token", "role", "created", "ends", "name"), rows, none="no tokens but the local one")


@token.command()
@click.argument("token_id", metavar="TOKEN")
@on_platform
async def revoke(session: "Session", token_id: str) -> None:
    """End TOKEN for good."""
    from maestro.registry.v1 import token_service_pb2

    name = token_id if "/" in token_id else f"{session.parent}/tokens/{token_id}"
    response = await session.maestro.tokens.revoke_token(token_service_pb2.RevokeTokenRequest(name=name))
    if session.json:
        session.document(response)
    else:
        click.echo(f"token {token_id} is revoked")


@token.command()
@shared
def show(options: Options) -> None:
    """Print the path of the file that holds the local platform's token."""
    import json
    from pathlib import Path

    from maestro_client import default_state_directory

    state = Path(options.state_directory) if options.state_directory else default_state_directory()
    path = state / "token"
    click.echo(json.dumps({"path": str(path), "exists": path.exists()}) if options.json else str(path))
