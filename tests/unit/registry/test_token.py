"""Tokens and their secrets."""

from datetime import UTC, datetime, timedelta

import pytest
from maestro_services.registry.domain.token import (
    Creator,
    Token,
    digest_of,
    granted_role,
    lifetime_end,
    new_secret,
    token_id_in,
)
from maestro_services.runtime.errors import ServiceError
from maestro_services.runtime.principal import Role

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID = "0" * 20
SECRET = new_secret(ID, bytes(32))


def token(**changes: object) -> Token:
    fields = {
        "project": "shop",
        "token_id": ID,
        "uid": "u",
        "display_name": "ci",
        "role": Role.DEVELOPER,
        "digest": digest_of(SECRET),
        "creator": Creator(1, "local"),
        "create_time": NOW,
        "expire_time": NOW + timedelta(days=1),
    }
    return Token(**(fields | changes))


def test_a_secret_names_its_token_and_nothing_else_does():
    assert token_id_in(SECRET) == ID
    for damaged in ("", "mat_", SECRET[:-1], SECRET + "\n", SECRET.upper(), "x" + SECRET):
        assert token_id_in(damaged) is None


def test_a_token_is_proven_by_its_secret_alone_until_it_expires_or_is_revoked():
    assert token().proven_by(SECRET, NOW)
    assert not token().proven_by(new_secret(ID, bytes(31) + b"1"), NOW)
    assert not token().proven_by(SECRET, NOW + timedelta(days=1))
    assert not token(revoke_time=NOW).proven_by(SECRET, NOW)


def test_a_token_stands_for_its_role_in_its_project_and_nowhere_else():
    principal = token().principal
    assert principal.may(Role.DEVELOPER, "shop")
    assert not principal.may(Role.MAINTAINER, "shop")
    assert not principal.may(Role.VIEWER, "bank")
    assert not principal.may(Role.VIEWER, "")


@pytest.mark.parametrize("number", [0, 50, 99, 15])
def test_no_token_carries_a_services_role_or_an_unknown_one(number):
    with pytest.raises(ServiceError):
        granted_role(number)


def test_a_token_ends_in_90_days_or_when_asked_within_366_days():
    assert lifetime_end(None, NOW) == NOW + timedelta(days=90)
    assert lifetime_end(NOW + timedelta(days=366), NOW) == NOW + timedelta(days=366)
    for bad in (NOW, NOW - timedelta(days=1), NOW + timedelta(days=366, seconds=1)):
        with pytest.raises(ServiceError):
            lifetime_end(bad, NOW)
