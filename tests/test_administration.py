"""What an administrator does to accounts: rules, on both databases."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal import accounts, retention, throttle
from portal.accounts import LastAdminError, UnknownUserError, UserExistsError
from portal.accounts import administration as rules
from portal.factors import guesses
from portal.factors.standing import standing_of
from portal.origin import Origin
from portal.store import AuditSearch
from portal.store.tables import (
    LoginSession,
    Passkey,
    PortalSession,
    SignIn,
    TotpFactor,
)
from tests.fixtures.portal import Portal
from tests.real.portal import Person

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HERE = Origin(address="203.0.113.7", user_agent="Firefox")
BY: dict[str, Any] = {"actor": "cli", "now": NOW, "origin": HERE}


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    """Both."""
    return database_url


async def sign_in(portal: Portal, person: Person) -> None:
    """Signed in here and at Ory, and half way through another sign-in."""
    async with portal.store.writing() as rows:
        user = await rows.users.find(person.subject)
        assert user is not None
        await rows.portal_sessions.add(
            PortalSession(
                session_id_hash="a" * 64,
                subject=person.subject,
                epoch=user.epoch,
                authenticated_at=NOW,
                seen_at=NOW,
                address="",
                user_agent="",
            )
        )
        await rows.login_sessions.save(
            LoginSession(
                session_id_hash="b" * 64,
                subject=person.subject,
                acr="aal1",
                amr=["pwd"],
                authenticated_at=NOW,
                epoch=user.epoch,
                remembered=True,
                address="",
                user_agent="",
                last_used_at=NOW,
            )
        )
        await rows.sign_ins.save(
            SignIn(
                key_hash="c" * 64,
                subject=person.subject,
                epoch=user.epoch,
                amr=["pwd"],
                remember=False,
                started_at=NOW,
            )
        )


async def add_factors(portal: Portal, person: Person) -> None:
    async with portal.store.writing() as rows:
        await rows.passkeys.add(
            Passkey(
                credential_id="k",
                subject=person.subject,
                public_key="p",
                sign_count=0,
                transports=[],
                backed_up=False,
                name="Phone",
                created_at=NOW,
            )
        )
        await rows.totp_factors.add(
            TotpFactor(
                id="t", subject=person.subject, sealed_secret="s", name="App", created_at=NOW
            )
        )
        await rows.recovery_codes.replace(person.subject, ["d" * 64], at=NOW)


async def audited(portal: Portal, action: str) -> list[tuple[str | None, str | None, str]]:
    async with portal.store.reading() as rows:
        found = await rows.audit.list_page(AuditSearch(actions=(action,)), after=None, limit=50)
    return [(event.actor, event.subject, event.address) for event in found.events]


async def signed_in_anywhere(portal: Portal, person: Person) -> list[str]:
    """What still counts of :func:`sign_in`."""
    user = await portal.user(person)
    async with portal.store.reading() as rows:
        session = await rows.portal_sessions.find("a" * 64)
        login = await rows.login_sessions.find("b" * 64)
        half = await rows.sign_ins.find("c" * 64)
    found = []
    if session is not None:
        found.append("portal")
    if login is not None and login.epoch == user.epoch and login.ended_at is None:
        found.append("ory")
    if half is not None:
        found.append("half")
    return found


async def admins(portal: Portal, *people: Person) -> list[bool]:
    return [(await portal.user(person)).admin for person in people]


# Roles


async def test_somebody_becomes_an_administrator_and_is_none_any_more(
    portal: Portal, ann: Person, admin: Person
) -> None:
    assert await rules.make_admin(portal.store, ann.subject, **BY)
    assert not await rules.make_admin(portal.store, ann.subject, **BY)
    assert await admins(portal, ann) == [True]
    assert await rules.withdraw_admin(portal.store, ann.subject, **BY)
    assert not await rules.withdraw_admin(portal.store, ann.subject, **BY)
    assert await admins(portal, ann) == [False]
    for action in ("user.admin_granted", "user.admin_withdrawn"):
        assert await audited(portal, action) == [("cli", ann.subject, "203.0.113.7")]


@pytest.mark.parametrize("rule", ["withdraw", "disable", "delete"])
async def test_the_last_administrator_stays_one(
    portal: Portal, ann: Person, admin: Person, rule: str
) -> None:
    """Whoever asks: themselves, or a command."""
    for actor in (admin.subject, "cli"):
        by = BY | {"actor": actor}
        with pytest.raises(LastAdminError):
            await do(portal, rule, admin, by)
    user = await portal.user(admin)
    assert (user.admin, user.disabled_at, user.epoch) == (True, None, 0)
    assert await portal.actions() == []


@pytest.mark.parametrize("rule", ["withdraw", "disable", "delete"])
async def test_who_is_disabled_administers_nothing(
    portal: Portal, admin: Person, rule: str
) -> None:
    other = await portal.add_user("other@example.org", admin=True, disabled_at=NOW)
    with pytest.raises(LastAdminError):
        await do(portal, rule, admin, BY)
    await do(portal, rule, other, BY) if rule != "disable" else None
    await accounts.enable_user(portal.store, admin.subject, **BY)


async def test_with_another_one_the_first_may_go(portal: Portal, admin: Person) -> None:
    other = await portal.add_user("other@example.org", admin=True)
    await do(portal, "withdraw", admin, BY)
    with pytest.raises(LastAdminError):
        await do(portal, "withdraw", other, BY)


async def do(portal: Portal, rule: str, person: Person, by: dict[str, Any]) -> None:
    if rule == "withdraw":
        await rules.withdraw_admin(portal.store, person.subject, **by)
    elif rule == "disable":
        await accounts.disable_user(portal.store, person.subject, **by)
    else:
        await rules.delete_user(portal.services, person.subject, **by)


@pytest.mark.parametrize("rule", ["withdraw", "disable", "delete"])
async def test_two_who_do_it_to_each_other_at_once_cannot_both_succeed(
    portal: Portal, rule: str
) -> None:
    for turn in range(8):
        pair = [
            await portal.add_user(f"{name}{turn}@example.org", admin=True) for name in ("x", "y")
        ]
        outcomes = await asyncio.gather(
            *(do(portal, rule, person, BY) for person in pair), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes if outcome is not None] == [LastAdminError]
        async with portal.store.reading() as rows:
            left = [await rows.users.find(person.subject) for person in pair]
        (remaining,) = [u for u in left if u and u.admin and u.disabled_at is None]
        await portal.add_user(f"z{turn}@example.org", admin=True)  # so that the last may go
        await rules.withdraw_admin(portal.store, remaining.subject, **BY)
        async with portal.store.writing() as rows:
            await rows.users.set_admin(f"z{turn}-71f0", admin=False, at=NOW)


# Waiting times, passwords, factors


async def test_waiting_times_are_lifted_also_those_without_an_end(
    portal: Portal, ann: Person
) -> None:
    moment, later = NOW.timestamp(), timedelta(days=1).total_seconds()
    attempt = throttle.Attempt(account=ann.email, browser_hash=None, origin=HERE)
    async with portal.store.writing() as rows:
        for number in range(throttle.ACCOUNT.ceiling):
            await throttle.admit(rows, attempt, now=moment + number * later)
        for _ in range(6):
            await guesses.admit(rows, ann.subject, browser_hash=None, now=moment)
        end = moment + throttle.ACCOUNT.ceiling * later
        assert (await throttle.locked(rows, [ann.email, "bob@example.org"], now=end)) == {
            ann.email: float("inf")
        }
        assert (await throttle.admit(rows, attempt, now=end)).wait
        assert await guesses.admit(rows, ann.subject, browser_hash=None, now=moment)
    await rules.unlock(portal.store, ann.subject, **BY)
    async with portal.store.writing() as rows:
        assert await throttle.locked(rows, [ann.email], now=end) == {}
        assert not (await throttle.admit(rows, attempt, now=end)).wait
        assert not await guesses.admit(rows, ann.subject, browser_hash=None, now=moment)
    assert await audited(portal, "user.unlocked") == [("cli", ann.subject, "203.0.113.7")]


async def test_a_demanded_password_ends_sign_ins_and_keeps_grants(
    portal: Portal, ann: Person
) -> None:
    await portal.add_grant(ann)
    await sign_in(portal, ann)
    revocation = await rules.expire_password(portal.store, ann.subject, **BY)
    assert (revocation.end_logins, revocation.keep_grants, revocation.client_id) == (
        True,
        True,
        None,
    )
    user, grant = await portal.user(ann), await portal.grant(ann)
    assert (user.password_expired, user.epoch) == (True, 1)
    assert await signed_in_anywhere(portal, ann) == []
    assert grant is not None
    assert grant.revoked_at is None
    assert await audited(portal, "user.password_expired") == [("cli", ann.subject, "203.0.113.7")]


async def test_a_new_password_is_no_longer_demanded(portal: Portal, ann: Person) -> None:
    await rules.expire_password(portal.store, ann.subject, **BY)
    await accounts.set_password(
        portal.store,
        portal.services.passwords,
        ann.subject,
        password="another good phrase here",
        min_length=15,
        **BY,
    )
    assert not (await portal.user(ann)).password_expired


async def test_factors_are_reset_and_sign_ins_end(portal: Portal, ann: Person) -> None:
    await add_factors(portal, ann)
    await portal.add_grant(ann)
    await sign_in(portal, ann)
    assert await rules.reset_factors(portal.services, ann.subject, **BY) == 2
    async with portal.store.reading() as rows:
        standing = await standing_of(rows, ann.subject)
    assert not standing.has_second_factor
    assert standing.codes_left == 0
    assert await signed_in_anywhere(portal, ann) == []
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is None
    assert await audited(portal, "factors.reset") == [("cli", ann.subject, "203.0.113.7")]


async def test_signing_out_keeps_grants_and_the_password(portal: Portal, ann: Person) -> None:
    await portal.add_grant(ann)
    await sign_in(portal, ann)
    await rules.sign_out(portal.store, ann.subject, **BY)
    user, grant = await portal.user(ann), await portal.grant(ann)
    assert (user.epoch, user.password_expired, user.disabled_at) == (1, False, None)
    assert grant is not None
    assert grant.revoked_at is None
    assert await signed_in_anywhere(portal, ann) == []


# Addresses


async def test_another_address_counts_as_unconfirmed_and_ends_sign_ins(
    portal: Portal, ann: Person
) -> None:
    await sign_in(portal, ann)
    assert await rules.change_address(
        portal.services, ann.subject, email=" Ann@New.Example.ORG", **BY
    )
    user = await portal.user(ann)
    assert (user.email, user.email_verified) == ("ann@new.example.org", False)
    assert await signed_in_anywhere(portal, ann) == []
    assert await audited(portal, "user.email_changed") == [("cli", ann.subject, "203.0.113.7")]


async def test_whoever_gets_the_old_address_next_inherits_nothing_of_it(
    portal: Portal, ann: Person
) -> None:
    """Neither the browsers that were known by it nor the waiting times."""
    moment = NOW.timestamp()
    stranger = throttle.Attempt(account=ann.email, browser_hash=None, origin=HERE)
    known = throttle.Attempt(account=ann.email, browser_hash="e" * 64, origin=HERE)
    async with portal.store.writing() as rows:
        await rows.browsers.remember(known.account_hash, "e" * 64, NOW)
        for _ in range(throttle.ACCOUNT.limit):
            await throttle.admit(rows, stranger, now=moment)
        assert await throttle.locked(rows, [ann.email], now=moment)
    await rules.change_address(portal.services, ann.subject, email="ann@new.example.org", **BY)
    async with portal.store.reading() as rows:
        assert not await rows.browsers.is_known(known.account_hash, "e" * 64)
        assert not await throttle.locked(rows, [ann.email], now=moment)


async def test_both_addresses_are_told(portal: Portal, ann: Person) -> None:
    before = await mails(portal)
    await rules.change_address(portal.services, ann.subject, email="ann@new.example.org", **BY)
    expected = 2 if portal.settings.has_mail else 0
    assert await mails(portal) - before == expected


async def mails(portal: Portal) -> int:
    async with portal.store.writing() as rows:
        far = datetime(2999, 1, 1, tzinfo=UTC)
        found = await rows.outgoing_mails.claim_due(now=far, limit=100, lease=timedelta())
    return len(found)


async def test_the_same_address_changes_nothing(portal: Portal, ann: Person) -> None:
    assert not await rules.change_address(
        portal.services, ann.subject, email="ANN@example.org", **BY
    )
    assert (await portal.user(ann)).epoch == 0
    assert await portal.actions() == []


async def test_an_address_of_somebody_else_is_refused_and_nothing_changes(
    portal: Portal, ann: Person, bob: Person
) -> None:
    await sign_in(portal, ann)
    with pytest.raises(UserExistsError):
        await rules.change_address(portal.services, ann.subject, email=bob.email, **BY)
    user = await portal.user(ann)
    assert (user.email, user.epoch) == (ann.email, 0)
    assert await signed_in_anywhere(portal, ann) == ["portal", "ory", "half"]
    assert await portal.actions() == []


# Deletion, and nobody


async def test_a_deleted_account_leaves_its_subject_alone(portal: Portal, ann: Person) -> None:
    await add_factors(portal, ann)
    await portal.add_grant(ann)
    await sign_in(portal, ann)
    await rules.delete_user(portal.services, ann.subject, **BY)
    async with portal.store.reading() as rows:
        assert await rows.users.find(ann.subject) is None
        assert not (await standing_of(rows, ann.subject)).has_second_factor
        assert await rows.portal_sessions.find("a" * 64) is None
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is not None
    assert await audited(portal, "user.deleted") == [("cli", ann.subject, "203.0.113.7")]


@pytest.mark.parametrize(
    "rule", ["make_admin", "withdraw_admin", "unlock", "expire_password", "sign_out"]
)
async def test_nobody_is_told_as_nobody(portal: Portal, rule: str) -> None:
    with pytest.raises(UnknownUserError):
        await getattr(rules, rule)(portal.store, "nobody", **BY)
    assert await portal.actions() == []


@pytest.mark.parametrize("rule", ["reset_factors", "delete_user"])
async def test_nobody_has_nothing_to_reset_or_delete(portal: Portal, rule: str) -> None:
    with pytest.raises(UnknownUserError):
        await getattr(rules, rule)(portal.services, "nobody", **BY)


async def test_names_of_an_older_version_are_folded_in_portions(portal: Portal) -> None:
    for name in ("Änn  Ader", "BOB", " "):
        await portal.add_user(f"{len(name)}@example.org", name=name, name_key=None)
    async with portal.store.writing() as rows:
        folded = [await rows.users.fold_names(2) for _ in range(3)]
        found = {
            user.name: user.name_key
            for user in await rows.users.list_page(after_email=None, limit=10)
        }
    assert sum(folded) <= 3
    assert found["Änn  Ader"] == "änn ader"
    assert found["BOB"] == "bob"


async def test_the_background_folds_them_and_then_has_nothing_to_do(portal: Portal) -> None:
    await portal.add_user("ann@example.org", name="ANN", name_key=None)
    assert not await retention.fold_names(portal.services, now=NOW)
    async with portal.store.reading() as rows:
        user = await rows.users.find_by_email("ann@example.org")
    assert user is not None
    assert user.name_key == "ann"
