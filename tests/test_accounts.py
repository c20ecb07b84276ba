from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal import accounts, throttle
from portal.accounts import (
    InvalidEmailError,
    InvalidSubjectError,
    UnknownUserError,
    UserExistsError,
    WeakPasswordError,
    canonical_email,
    canonical_identifier,
    check_password,
)
from portal.origin import Origin
from portal.passwords import Passwords, PasswordTooLongError
from portal.store import Store, schema
from portal.store.tables import GrantRecord, PortalSession
from portal.throttle import Attempt

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
PASSWORD = "correct horse battery staple"


@pytest.fixture
def passwords():
    with Passwords(time_cost=1, memory_cost=8, workers=1) as made:
        yield made


@pytest.fixture
async def store(tmp_path):
    url = f"sqlite:///{tmp_path}/portal.db"
    schema.upgrade(url)
    made = Store(url)
    yield made
    await made.dispose()


async def create(store, passwords, email="ann@example.org", password=PASSWORD, **more):
    settings = {"min_length": 15, "now": NOW, "actor": "cli", **more}
    return await accounts.create_user(store, passwords, email=email, password=password, **settings)


async def audited(store):
    async with store.reading() as rows:
        page = await rows.audit.list_page(after=None, limit=50, oldest_first=True)
    return [(event.action, event.actor, event.subject) for event in page.events]


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("Ann@Example.ORG", "ann@example.org"),
        ("  ann@example.org \t", "ann@example.org"),
        (
            "\uff41\uff4e\uff4e\uff20\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45.org",
            "ann@example.org",
        ),
        ("stra\u00dfe@example.org", "strasse@example.org"),
        ("mu\u0308ller@example.org", "m\u00fcller@example.org"),
        ("M\u00dcLLER@example.org", "m\u00fcller@example.org"),
        ("ann@xn--bcher-kva.example", "ann@b\u00fccher.example"),
        ("ann@B\u00dcCHER.example", "ann@b\u00fccher.example"),
        ("alice@localhost", "alice@localhost"),
        ("alice@corp.local", "alice@corp.local"),
        ("alice@app.test", "alice@app.test"),
        ("alice@intranet", "alice@intranet"),
        ("foo@bar.com", "foo@bar.com"),
        ("first.last+tag@example.org", "first.last+tag@example.org"),
    ],
)
def test_an_address_has_one_spelling(typed, canonical):
    assert canonical_email(typed) == canonical
    assert canonical_identifier(typed) == canonical


def test_the_turkish_letters_stay_two_people():
    dotted, dotless, plain = map(canonical_email, ("\u0130x@a.org", "\u0131x@a.org", "ix@a.org"))
    assert len({dotted, dotless, plain}) == 3


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ann",
        "@example.org",
        "ann@",
        "ann@.org",
        "ann@example..org",
        "ann@-example.org",
        "ann@exa mple.org",
        "an\0n@example.org",
        "ann@example.org\0",
        "ann\n@example.org",
        "ann@example.org\r\nBcc: eve@example.org",
        "ann\u202e@example.org",
        "ann\u200b@example.org",
        "\ud800@example.org",
        "ann@example.org, eve@example.org",
        "Ann <ann@example.org>",
        '"ann eve"@example.org',
        "ann@[127.0.0.1]",
        "a" * 65 + "@example.org",
        "ann@" + "a" * 250 + ".org",
        "\ufdfa" * 100 + "@example.org",
        "a" * 1_000_000,
        "ann@@example.org",
        ".ann@example.org",
    ],
)
def test_what_is_no_address_is_refused_and_as_an_identifier_matches_nobody(typed):
    with pytest.raises(InvalidEmailError):
        canonical_email(typed)
    nobody = canonical_identifier(typed)
    assert "@" not in nobody
    assert len(nobody) < 60
    assert nobody.isascii()
    assert nobody == canonical_identifier(typed)


@given(
    st.one_of(
        st.text(max_size=30),
        st.builds(
            "{}@{}".format, st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=12)
        ),
        st.builds("{}@example.org".format, st.text(min_size=1, max_size=12)),
    )
)
@example("\u1e9e\u0345@example.org")
@example("\u03b1\u0345\u0301@example.org")
def test_spelling_an_address_again_changes_nothing(typed):
    once = canonical_identifier(typed)
    if "@" in once:
        assert canonical_email(once) == once
        assert canonical_email(f" {once}  ") == once


@given(st.emails())
def test_case_makes_no_difference(email):
    assert canonical_identifier(email.upper()) == canonical_identifier(email)


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "a" * 20,
        "abababababababab",
        "abcdefghijklmnopq",
        "zyxwvutsrqponmlkj",
        "ann.lindqvist2026",
        "ANN.LINDQVIST-password",
        "passwordpassword1",
        "hydraportal12345",
    ],
)
def test_passwords_that_are_tried_first_are_refused(password):
    with pytest.raises(WeakPasswordError):
        check_password(password, email="ann.lindqvist@example.org", min_length=15)


@pytest.mark.parametrize(
    "password",
    [PASSWORD, "kX9#vLq2$mNp7!wRz", "purple ann elephants dance", "ß" * 3 + "grüne Bäume überall"],
)
def test_long_passwords_are_fine_whatever_they_are_made_of(password):
    check_password(password, email="ann@example.org", min_length=15)


async def test_a_user_can_be_created_and_signs_in(store, passwords):
    user = await create(store, passwords, "Ann@Example.org ", name=" Ann\n Lind ", admin=True)
    async with store.reading() as rows:
        found = await rows.users.find_by_email("ann@example.org")
    assert found is not None
    assert found.subject == user.subject
    assert found.name == "Ann Lind"
    assert found.admin
    assert (await passwords.verify(found.password_hash, PASSWORD)).matches
    assert await audited(store) == [("user.created", "cli", user.subject)]


async def test_subjects_are_random_unless_given(store, passwords):
    first = await create(store, passwords, "a@example.org")
    second = await create(store, passwords, "b@example.org")
    third = await create(store, passwords, "c@example.org", subject="foo@bar.com")
    assert len(first.subject) == len(second.subject) == 36
    assert first.subject != second.subject
    assert third.subject == "foo@bar.com"


@pytest.mark.parametrize("subject", ["", " ", "a\nb", "a\0", "x" * 256, " a", "\ud800"])
async def test_a_subject_that_clients_could_not_be_told_is_refused(store, passwords, subject):
    with pytest.raises(InvalidSubjectError):
        await create(store, passwords, subject=subject)


async def test_the_same_address_in_another_spelling_is_the_same_user(store, passwords):
    await create(store, passwords, "strasse@example.org")
    with pytest.raises(UserExistsError):
        await create(store, passwords, "STRA\u00dfE@example.org")
    with pytest.raises(UserExistsError):
        await create(store, passwords, "other@example.org", subject=(await only(store)).subject)
    assert len(await audited(store)) == 1


async def only(store):
    async with store.reading() as rows:
        (user,) = await rows.users.list_page(after_email=None, limit=5)
    return user


async def test_a_weak_password_needs_the_operator_s_word(store, passwords):
    with pytest.raises(WeakPasswordError):
        await create(store, passwords, "foo@bar.com", "foobar")
    await create(store, passwords, "foo@bar.com", "foobar", allow_weak=True)
    with pytest.raises(WeakPasswordError):
        await create(store, passwords, "b@bar.com", "", allow_weak=True)
    with pytest.raises(PasswordTooLongError):
        await create(store, passwords, "b@bar.com", "x" * 2_000, allow_weak=True)


async def plant(store, subject):
    """A portal session and a grant of *subject*."""
    async with store.writing() as rows:
        await rows.portal_sessions.add(
            PortalSession(
                session_id_hash=f"p-{subject}",
                subject=subject,
                epoch=0,
                authenticated_at=NOW,
                seen_at=NOW,
                address="",
                user_agent="",
            )
        )
        await rows.grants.save(
            GrantRecord(
                subject=subject,
                client_id="photos",
                client_name="Photos",
                client_uri=None,
                scopes=["openid"],
                audience=[],
                remembered_scopes=["openid"],
                remembered_audience=[],
                expires_at=None,
                hydra_scopes=["openid"],
                decision_id="d",
                granted_at=NOW,
                last_accept_at=NOW,
                revoked_at=None,
                revoke_reason=None,
                revoke_synced_at=None,
            )
        )


async def state(store, subject):
    """What is left of it: a session here, living grants, deletions to tell Ory."""
    async with store.reading() as rows:
        session = await rows.portal_sessions.find(f"p-{subject}")
        living = [g for g in await rows.grants.of_subject(subject) if g.revoked_at is None]
        pending = await rows.revocations.pending_for(subject, "photos")
    return session is not None, len(living), [r.end_logins for r in pending]


async def test_disabling_ends_everything_of_that_user_and_nothing_of_another(store, passwords):
    ann, bob = await create(store, passwords), await create(store, passwords, "bob@example.org")
    await plant(store, ann.subject)
    await plant(store, bob.subject)
    revocation = await accounts.disable_user(store, ann.subject, now=LATER, actor="cli")
    assert revocation is not None
    assert await state(store, ann.subject) == (False, 0, [True])
    assert await state(store, bob.subject) == (True, 1, [])
    async with store.reading() as rows:
        found = await rows.users.find(ann.subject)
    assert found is not None
    assert (found.disabled_at, found.epoch) == (LATER, 1)
    assert (await audited(store))[-1] == ("user.disabled", "cli", ann.subject)


async def test_disabling_twice_is_once(store, passwords):
    ann = await create(store, passwords)
    assert await accounts.disable_user(store, ann.subject, now=LATER, actor="cli")
    assert await accounts.disable_user(store, ann.subject, now=LATER, actor="cli") is None
    assert [action for action, *_ in await audited(store)] == ["user.created", "user.disabled"]


async def test_enabling_lets_in_again_but_earlier_sign_ins_stay_void(store, passwords):
    ann = await create(store, passwords)
    assert not await accounts.enable_user(store, ann.subject, now=LATER, actor="cli")
    await accounts.disable_user(store, ann.subject, now=LATER, actor="cli")
    assert await accounts.enable_user(store, ann.subject, now=LATER, actor="cli")
    found = await only(store)
    assert (found.disabled_at, found.epoch) == (None, 1)
    assert (await audited(store))[-1][0] == "user.enabled"


async def test_a_new_password_throws_out_whoever_used_the_old_one(store, passwords):
    ann = await create(store, passwords)
    await plant(store, ann.subject)
    await accounts.set_password(
        store,
        passwords,
        ann.subject,
        password="another long passphrase",
        min_length=15,
        now=LATER,
        actor="cli",
    )
    found = await only(store)
    assert found.epoch == 1
    assert (await passwords.verify(found.password_hash, "another long passphrase")).matches
    assert not (await passwords.verify(found.password_hash, PASSWORD)).matches
    assert await state(store, ann.subject) == (False, 0, [True])
    assert (await audited(store))[-1] == ("user.password_set", "cli", ann.subject)


async def test_a_new_password_lifts_the_waiting_time(store, passwords):
    ann = await create(store, passwords)

    async def wait(network):
        attempt = Attempt(account=ann.email, browser_hash=None, origin=Origin(address=network))
        async with store.writing() as rows:
            return (await throttle.admit(rows, attempt, now=NOW.timestamp())).wait

    waits = [await wait("192.0.2.1") for _ in range(7)]
    assert waits[-1] > 0
    await accounts.set_password(
        store,
        passwords,
        ann.subject,
        password="another long passphrase",
        min_length=15,
        now=NOW,
        actor="cli",
    )
    assert await wait("192.0.2.1") == 0


async def test_a_refused_password_changes_nothing(store, passwords):
    ann = await create(store, passwords)
    with pytest.raises(WeakPasswordError):
        await accounts.set_password(
            store, passwords, ann.subject, password="short", min_length=15, now=LATER, actor="cli"
        )
    assert (await only(store)).epoch == 0
    assert len(await audited(store)) == 1


async def test_nobody_cannot_be_changed(store, passwords):
    with pytest.raises(UnknownUserError):
        await accounts.disable_user(store, "nobody", now=NOW, actor="cli")
    with pytest.raises(UnknownUserError):
        await accounts.enable_user(store, "nobody", now=NOW, actor="cli")
    with pytest.raises(UnknownUserError):
        await accounts.set_password(
            store, passwords, "nobody", password=PASSWORD, min_length=15, now=NOW, actor="cli"
        )
    assert await audited(store) == []


@pytest.mark.parametrize("subject", ["cli", "system"])
async def test_nobody_is_called_as_the_audit_trail_calls_the_portal(store, passwords, subject):
    """Whoever was would be let do what commands may."""
    with pytest.raises(accounts.InvalidSubjectError):
        await create(store, passwords, subject=subject)
