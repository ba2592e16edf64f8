"""Opaque tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.tokens import OpaqueTokens

TOKENS = OpaqueTokens(b"secret")


@given(st.text(), st.lists(st.one_of(st.text(), st.integers())))
def test_a_token_opens_to_what_was_sealed_under_its_scope(scope, position):
    assert TOKENS.open(scope, TOKENS.seal(scope, *position), Reason.PAGE_TOKEN_INVALID) == position


@given(st.text())
def test_a_forged_token_opens_under_no_scope(token):
    with pytest.raises(ServiceError) as caught:
        TOKENS.open("scope", token, Reason.RESUME_TOKEN_INVALID)
    assert caught.value.reason is Reason.RESUME_TOKEN_INVALID
    assert caught.value.metadata == {}


def test_a_token_of_another_scope_another_secret_or_a_changed_one_is_refused():
    token = TOKENS.seal("scope", 1)
    flipped = ("A" if token[-1] != "A" else "B").join([token[:-1], ""])
    for tokens, scope, given_ in (
        (TOKENS, "other", token),
        (OpaqueTokens(b"other"), "scope", token),
        (TOKENS, "scope", flipped),
        (TOKENS, "scope", ""),
    ):
        with pytest.raises(ServiceError):
            tokens.open(scope, given_, Reason.PAGE_TOKEN_INVALID)
