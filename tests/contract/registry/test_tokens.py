"""TokenService over a real server: created, used, listed, revoked, and never seen again."""

import logging
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from maestro.common.v1 import authorization_pb2
from maestro.registry.v1 import token_pb2
from maestro.registry.v1 import token_service_pb2 as pb
from maestro_client import Maestro, errors

PARENT = "projects/shop"


def in_days(days: float) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(datetime.now(UTC) + timedelta(days=days))
    return message


def order(role: int = authorization_pb2.ROLE_ADMIN, parent: str = PARENT, **fields: object) -> pb.CreateTokenRequest:
    token = token_pb2.Token(display_name="ci", role=role, expire_time=fields.pop("expire_time", None))
    return pb.CreateTokenRequest(parent=parent, token=token, **fields)


async def introspect(client: Maestro, secret: str) -> pb.IntrospectTokenResponse:
    return await client.tokens.introspect_token(pb.IntrospectTokenRequest(secret=secret))


async def test_a_created_token_shows_its_secret_and_what_it_stands_for(admin, service):
    created = await admin.tokens.create_token(order(authorization_pb2.ROLE_DEVELOPER))
    token = created.token
    assert token.name.startswith(f"{PARENT}/tokens/")
    assert created.secret.startswith(f"mat_{token.name.rpartition('/')[2]}_")
    assert token.creator.subject == "local"
    assert 89 < (token.expire_time.ToDatetime() - token.create_time.ToDatetime()).days <= 90
    answer = await introspect(service, created.secret)
    assert answer.active
    assert answer.project == PARENT
    assert answer.role == authorization_pb2.ROLE_DEVELOPER
    assert answer.actor.subject == token.name
    assert answer.expire_time == token.expire_time


async def test_an_admin_of_a_project_makes_tokens_there_and_nowhere_else(admin, client_of):
    project_admin = client_of((await admin.tokens.create_token(order())).secret)
    assert (await project_admin.tokens.create_token(order())).token.creator.subject.startswith(f"{PARENT}/tokens/")
    for call in (
        project_admin.tokens.create_token(order(parent="projects/bank")),
        project_admin.tokens.list_tokens(pb.ListTokensRequest(parent="projects/bank")),
        project_admin.tokens.revoke_token(pb.RevokeTokenRequest(name="projects/bank/tokens/x")),
        introspect(project_admin, "mat_x"),
    ):
        with pytest.raises(errors.PermissionDenied) as caught:
            await call
        assert caught.value.metadata["permission"].startswith("registry.tokens.")


@pytest.mark.parametrize("role", [10, 20, 30])
async def test_lesser_roles_may_not_touch_tokens(admin, client_of, role):
    lesser = client_of((await admin.tokens.create_token(order(role))).secret)
    with pytest.raises(errors.PermissionDenied):
        await lesser.tokens.create_token(order(10))
    with pytest.raises(errors.PermissionDenied):
        await lesser.tokens.list_tokens(pb.ListTokensRequest(parent=PARENT))


@pytest.mark.parametrize(
    ("field", "request_"),
    [
        ("token.role", order(authorization_pb2.ROLE_SERVICE)),
        ("token.role", order(0)),
        ("token.expire_time", order(expire_time=in_days(367))),
        ("token.expire_time", order(expire_time=in_days(-1))),
        ("token.display_name", pb.CreateTokenRequest(parent=PARENT, token=token_pb2.Token(role=10))),
        ("token", pb.CreateTokenRequest(parent=PARENT)),
        ("parent", order(parent="projects/UPPER")),
        ("request_id", order(request_id="no-uuid")),
    ],
    ids=["service role", "no role", "too late", "past", "no display name", "no token", "parent", "request id"],
)
async def test_a_field_that_breaks_its_rule_is_named(admin, field, request_):
    with pytest.raises(errors.InvalidArgument) as caught:
        await admin.tokens.create_token(request_)
    assert [violation.subject for violation in caught.value.violations] == [field]


async def test_a_repeated_request_answers_the_same_token_without_its_secret(admin):
    request = order(request_id=str(uuid4()))
    first = await admin.tokens.create_token(request)
    again = await admin.tokens.create_token(request)
    assert again.token == first.token
    assert (bool(first.secret), again.secret) == (True, "")
    request.token.display_name = "other"
    with pytest.raises(errors.AlreadyExists) as caught:
        await admin.tokens.create_token(request)
    assert caught.value.reason == "REQUEST_ID_REUSED"


async def test_a_revoked_token_stops_working_and_stays_listed(admin, client_of, service):
    created = await admin.tokens.create_token(order())
    holder = client_of(created.secret)
    await holder.tokens.list_tokens(pb.ListTokensRequest(parent=PARENT))
    revoked = (await admin.tokens.revoke_token(pb.RevokeTokenRequest(name=created.token.name))).token
    assert revoked.HasField("revoke_time")
    again = (await admin.tokens.revoke_token(pb.RevokeTokenRequest(name=created.token.name))).token
    assert again == revoked
    with pytest.raises(errors.Unauthenticated) as caught:
        await holder.tokens.list_tokens(pb.ListTokensRequest(parent=PARENT))
    assert caught.value.reason == "TOKEN_INVALID"
    assert await introspect(service, created.secret) == pb.IntrospectTokenResponse()
    listed = await admin.tokens.list_tokens(pb.ListTokensRequest(parent=PARENT))
    assert list(listed.tokens) == [revoked]


async def test_revoking_a_token_of_another_project_finds_nothing(admin):
    created = (await admin.tokens.create_token(order())).token
    for name in (created.name.replace("shop", "bank"), f"{PARENT}/tokens/none"):
        with pytest.raises(errors.NotFound) as caught:
            await admin.tokens.revoke_token(pb.RevokeTokenRequest(name=name))
        assert caught.value.metadata == {"name": name}


@pytest.mark.parametrize("secret", ["", "mat_x", "mat_" + "0" * 20 + "_" + "0" * 64, "é"])
async def test_a_secret_that_is_no_tokens_gives_an_inactive_answer(service, secret):
    assert await introspect(service, secret) == pb.IntrospectTokenResponse()


async def test_pages_hold_every_token_once_newest_first(admin):
    made = [(await admin.tokens.create_token(order())).token.name for _ in range(5)]
    seen, token = [], ""
    while True:
        page = await admin.tokens.list_tokens(pb.ListTokensRequest(parent=PARENT, page_size=2, page_token=token))
        seen += [one.name for one in page.tokens]
        if not page.next_page_token:
            break
        token = page.next_page_token
    assert seen == sorted(made, reverse=True)
    with pytest.raises(errors.InvalidArgument) as caught:
        await admin.tokens.list_tokens(pb.ListTokensRequest(parent="projects/bank", page_token=token))
    assert caught.value.reason == "PAGE_TOKEN_INVALID"


async def test_a_secret_is_nowhere_but_in_the_first_answer(admin, client_of, service, tmp_path, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    created = await admin.tokens.create_token(order(request_id=str(uuid4())))
    secret, random_part = created.secret, created.secret.rpartition("_")[2]
    holder = client_of(secret)
    said = []
    for call in (
        holder.tokens.create_token(order(parent="projects/bank")),
        holder.tokens.create_token(order(0)),
        holder.tokens.revoke_token(pb.RevokeTokenRequest(name=f"{PARENT}/tokens/none")),
        introspect(holder, secret),
        introspect(service, secret + "x" * 512),
        client_of(secret + "x").tokens.list_tokens(pb.ListTokensRequest(parent=PARENT)),
    ):
        with pytest.raises(errors.MaestroError) as caught:
            await call
        said.append(f"{caught.value} {caught.value.metadata} {caught.value.violations}")
    said += [caplog.text, *capfd.readouterr()]
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert stored
    assert random_part not in "".join(said)
    assert random_part.encode() not in stored
    assert bytes.fromhex(random_part) not in stored
