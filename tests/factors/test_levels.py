"""What proofs are together, and what has to be proved by whom."""

from datetime import UTC, datetime

import pytest

from portal.factors.levels import (
    AAL1,
    AAL2,
    acr_of,
    combined,
    min_password_length,
    required_acr,
    satisfies,
)
from portal.settings import Settings
from portal.store.tables import ClientPolicy, User

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def user(*, admin=False):
    return User(subject="ann", email="ann@example.org", admin=admin, created_at=NOW, updated_at=NOW)


def settings(who):
    return Settings.from_env(
        {"PORTAL_SECOND_FACTOR_FOR": who, "SECRET_KEY": "a key that is long enough for anything"}
    )


def policy(acr):
    return ClientPolicy(
        client_id="bank", required_scopes=[], required_acr=acr, updated_at=NOW, updated_by="admin"
    )


@pytest.mark.parametrize(
    ("proofs", "amr", "acr"),
    [
        ([["pwd"]], ("pwd",), AAL1),
        ([["pwd"], ["otp"]], ("pwd", "otp", "mfa"), AAL2),
        ([["pwd"], ["hwk", "user"]], ("pwd", "hwk", "user", "mfa"), AAL2),
        ([["swk", "user"]], ("swk", "user"), AAL1),  # the authenticator did not ask who it is
        ([["swk", "user", "mfa"]], ("swk", "user", "mfa"), AAL2),
        ([["swk", "user", "mfa"], ["pwd"]], ("swk", "user", "pwd", "mfa"), AAL2),
        ([["otp"], ["hwk", "user"]], ("otp", "hwk", "user"), AAL1),  # two things that one has
        ([["pwd"], ["pwd"]], ("pwd",), AAL1),
        ([], (), AAL1),
    ],
)
def test_two_kinds_of_factors_make_the_second_level(proofs, amr, acr):
    assert combined(*proofs) == amr
    assert acr_of(combined(*proofs)) == acr


@pytest.mark.parametrize(
    ("who", "admin", "required"),
    [
        ("nobody", True, AAL1),
        ("admins", True, AAL2),
        ("admins", False, AAL1),
        ("everyone", False, AAL2),
    ],
)
def test_the_role_requires_a_second_factor(who, admin, required):
    assert required_acr(user(admin=admin), settings=settings(who)) == required


@pytest.mark.parametrize(
    ("asked", "required"),
    [
        (["aal2"], AAL2),
        (["aal2", "aal1"], AAL1),  # in order of preference, and the second one will do
        (["aal1"], AAL1),
        (["urn:somebody:else"], AAL1),
        ([], AAL1),
    ],
)
def test_the_app_s_request_requires_it(asked, required):
    assert required_acr(user(), settings=settings("nobody"), asked=asked) == required


@pytest.mark.parametrize(("acr", "required"), [("aal2", AAL2), (None, AAL1)])
def test_the_policy_of_an_app_requires_it(acr, required):
    found = required_acr(user(), settings=settings("nobody"), policy=policy(acr), asked=["aal1"])
    assert found == required


def test_what_nobody_noted_is_not_enough():
    assert not satisfies("", AAL2)
    assert not satisfies(AAL1, AAL2)
    assert satisfies(AAL2, AAL2)
    assert satisfies("", AAL1)


def test_a_password_beside_a_second_factor_may_be_shorter():
    assert min_password_length(user(), settings("admins")) == 15
    assert min_password_length(user(admin=True), settings("admins")) == 8
    assert min_password_length(None, settings("everyone")) == 8
    assert min_password_length(None, settings("admins")) == 15
