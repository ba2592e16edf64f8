"""Who calls, and what they may do."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from maestro_services.runtime.authentication import FirstOf, LocalToken, MeshSecret, bearer_token, owned_secret
from maestro_services.runtime.principal import ANY_PROJECT, Grant, Kind, Principal, Role

SECRET = MeshSecret(b"secret")


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "token"
    secret = owned_secret(path)
    assert len(secret) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert owned_secret(path) == secret
    assert list(tmp_path.iterdir()) == [path]


def test_all_who_start_at_once_get_the_same_secret(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: owned_secret(tmp_path / "token"), range(32)))
    assert len(secrets) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_secret_that_others_may_read_or_write_is_refused(tmp_path, mode):
    path = tmp_path / "token"
    owned_secret(path)
    path.chmod(mode)
    with pytest.raises(PermissionError, match="chmod 600"):
        owned_secret(path)


def test_an_empty_secret_is_refused(tmp_path):
    path = tmp_path / "token"
    path.touch(0o600)
    with pytest.raises(PermissionError, match="is empty"):
        owned_secret(path)


@pytest.mark.parametrize(("subject", "kind"), [("audit", Kind.SERVICE), ("worker-1", Kind.WORKER)])
async def test_a_mesh_token_proves_its_subject_in_every_project(subject, kind):
    principal = await SECRET.authenticate(SECRET.token_for(subject))
    assert principal == Principal(kind, subject, grants=(Grant(ANY_PROJECT, Role.SERVICE),))


async def test_a_mesh_token_that_was_changed_or_is_of_another_mesh_proves_nothing():
    token = SECRET.token_for("audit")
    flipped = token[:-1] + ("0" if token[-1] != "0" else "1")
    for bad in (
        MeshSecret(b"other").token_for("audit"),
        token.replace("audit", "registry"),
        flipped,
        token + "\n",
        token.upper(),
        "mst_audit_",
        "",
    ):
        assert await SECRET.authenticate(bad) is None


def test_keys_of_different_purposes_differ_and_are_no_token():
    assert SECRET.derive("a") != SECRET.derive("b")
    assert SECRET.derive("a") == MeshSecret(b"secret").derive("a")


async def test_the_first_authenticator_that_knows_a_token_decides():
    authenticator = FirstOf(SECRET, LocalToken("local-secret"), LocalToken("other", "second"))
    assert (await authenticator.authenticate("local-secret")).subject == "local"
    assert (await authenticator.authenticate("other")).subject == "second"
    assert await authenticator.authenticate("unknown") is None
    assert await authenticator.authenticate("") is None


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer x", "x"), ("bearer  x ", "x"), ("Basic x", ""), ("Bearer", ""), ("x", ""), ("", "")],
)
def test_the_token_is_the_bearers(header, token):
    assert bearer_token({"authorization": header}) == token


def test_a_call_without_the_header_has_no_token():
    assert bearer_token({}) == ""


MEETS = {
    Role.VIEWER: {Role.VIEWER},
    Role.DEVELOPER: {Role.VIEWER, Role.DEVELOPER},
    Role.MAINTAINER: {Role.VIEWER, Role.DEVELOPER, Role.MAINTAINER},
    Role.ADMIN: set(Role),
    Role.SERVICE: {Role.VIEWER, Role.DEVELOPER, Role.SERVICE},
}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_meets_what_the_contract_says(role):
    assert {minimum for minimum in Role if role.meets(minimum)} == MEETS[role]


def test_a_grant_holds_in_its_project_and_one_for_all_projects_everywhere():
    one = Principal(Kind.USER, "ann", grants=(Grant("shop", Role.ADMIN),))
    everywhere = Principal(Kind.USER, "root", grants=(Grant(ANY_PROJECT, Role.VIEWER),))
    assert one.may(Role.VIEWER, "shop")
    assert not one.may(Role.VIEWER, "bank")
    assert not one.may(Role.VIEWER, "")
    assert not one.may(Role.VIEWER, ANY_PROJECT)
    assert everywhere.may(Role.VIEWER, "bank")
    assert everywhere.may(Role.VIEWER, "")
    assert not everywhere.may(Role.DEVELOPER, "bank")
