"""Passkeys: what is kept of them, what they prove, and what is refused and changes nothing."""

import json
import secrets
from datetime import UTC, datetime
from typing import Any

import pytest

from portal.factors import FactorError, passkeys
from portal.factors.passkeys import NOT_ADDED, NOT_TAKEN, REGISTERED
from portal.factors.standing import Standing
from portal.store.tables import User
from tests.doubles.authenticator import (
    BACKED_UP,
    ELIGIBLE,
    PRESENT,
    VERIFIED,
    Authenticator,
    encoded,
)
from tests.factors.steps import (
    Register,
    challenge,
    nothing_ends,
    prove,
    standing,
    visitor,
)
from tests.fixtures.portal import NewPortal, Portal
from tests.real.portal import Person


async def test_a_passkey_signs_its_person_in(
    portal: Portal, user: User, register: Register
) -> None:
    key = Authenticator()
    made = await register(key, user)
    assert made.name.startswith("Passkey, Chrome on Linux, ")
    assert made.transports == ["hybrid", "internal"]
    proved = await prove(portal, key)
    assert (proved.subject, proved.amr) == (user.subject, ("hwk", "user", "mfa"))
    (kept,) = (await standing(portal, user)).passkeys
    assert kept.last_used_at is not None
    assert await portal.actions() == ["factor.added", "factor.codes_made"]


async def test_without_a_pin_or_a_finger_it_is_one_factor(
    portal: Portal, user: User, register: Register
) -> None:
    key = Authenticator(flags=PRESENT)
    await register(key, user)
    assert (await prove(portal, key)).amr == ("hwk", "user")


async def test_one_that_is_on_several_devices_is_no_hardware_key(
    portal: Portal, user: User, register: Register
) -> None:
    key = Authenticator(flags=PRESENT | VERIFIED | ELIGIBLE | BACKED_UP)
    assert (await register(key, user)).backed_up
    assert (await prove(portal, key)).amr == ("swk", "user", "mfa")


def test_the_challenge_is_the_form_token() -> None:
    raw = secrets.token_bytes(47)
    assert passkeys.challenge_of(encoded(raw) + "=") == raw
    for hostile in ("", "=", "é", "\ud800", "a b", "x" * 40_000 + "!"):
        assert passkeys.challenge_of(hostile) == b""


async def test_the_browser_is_asked_for_what_works_alone(portal: Portal, user: User) -> None:
    told = json.loads(passkeys.creation_options(user, Standing(), settings=portal.settings))
    assert told["rp"] == {"id": "login.example.org", "name": "login.example.org"}
    assert told["challenge"] == ""
    assert told["attestation"] == "none"
    assert told["authenticatorSelection"]["residentKey"] == "preferred"
    assert user.subject not in json.dumps(told)


async def test_what_somebody_has_is_not_made_twice(
    portal: Portal, user: User, register: Register
) -> None:
    key = Authenticator()
    made = await register(key, user)
    told = passkeys.creation_options(user, await standing(portal, user), settings=portal.settings)
    (excluded,) = json.loads(told)["excludeCredentials"]
    assert excluded["id"] == made.credential_id
    with pytest.raises(FactorError, match=REGISTERED):
        await register(key, user)


async def test_nobody_learns_that_a_passkey_is_somebody_elses(
    portal: Portal, user: User, bob: Person, register: Register
) -> None:
    key = Authenticator()
    await register(key, user)
    with pytest.raises(FactorError) as refused:
        await register(key, await portal.user(bob))
    assert str(refused.value) == NOT_ADDED
    with pytest.raises(FactorError) as other:
        await prove(portal, key, subject=bob.subject)
    with pytest.raises(FactorError) as unknown:
        await prove(portal, Authenticator(), subject=bob.subject)
    assert str(other.value) == str(unknown.value) == NOT_TAKEN


async def test_a_counter_that_goes_back_is_refused_and_told(
    portal: Portal, user: User, register: Register, caplog: pytest.LogCaptureFixture
) -> None:
    key = Authenticator(counter=7)
    await register(key, user)
    key.counter = 8
    await prove(portal, key)
    for copied in (8, 3, 0):
        key.counter = copied
        with pytest.raises(FactorError, match=NOT_TAKEN):
            await prove(portal, key)
    assert caplog.text.count("passkey.counter_went_back") == 3
    key.counter = 9
    await prove(portal, key)


async def test_nobody_raises_the_alarm_without_the_key(
    portal: Portal, user: User, register: Register, caplog: pytest.LogCaptureFixture
) -> None:
    key = Authenticator(counter=7)
    await register(key, user)
    false = Authenticator(counter=1, credential_id=key.credential_id, user_handle=key.user_handle)
    with pytest.raises(FactorError):
        await prove(portal, false)
    assert "counter_went_back" not in caplog.text


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://login.example.org.evil.example"},
        {"origin": "http://login.example.org"},
        {"rp_id": "example.org"},
        {"flags": VERIFIED},
        {"flags": PRESENT | BACKED_UP},
    ],
)
async def test_what_another_site_asked_for_is_refused(
    portal: Portal, user: User, register: Register, change: dict[str, Any]
) -> None:
    with pytest.raises(FactorError, match=NOT_ADDED):
        await register(Authenticator(**change), user)
    key = Authenticator()
    await register(key, user)
    for name, value in change.items():
        setattr(key, name, value)
    with pytest.raises(FactorError, match=NOT_TAKEN):
        await prove(portal, key)


async def test_the_answer_to_another_challenge_is_refused(
    portal: Portal, user: User, register: Register
) -> None:
    key = Authenticator()
    await register(key, user)
    for asked in (b"", challenge()):
        with pytest.raises(FactorError):
            await passkeys.verify(
                portal.services, credential=key.get(challenge()), challenge=asked, visitor=visitor()
            )


async def test_a_false_word_whose_key_it_is_is_refused(
    portal: Portal, user: User, bob: Person, register: Register
) -> None:
    key = Authenticator()
    await register(key, user)
    handle = passkeys.user_handle(bob.subject, portal.settings)
    for claimed in (encoded(handle), "", None):
        with pytest.raises(FactorError, match=NOT_TAKEN):
            await prove(portal, key, userHandle=claimed)
    # a key that remembers nobody is good beside a password
    await prove(portal, key, userHandle=None, subject=user.subject)


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": encoded(b"x" * 70)},
        {"signature": ""},
        {"authenticatorData": ""},
        {"authenticatorData": encoded(b"\xff" * 2000)},
        {"clientDataJSON": encoded(b"{}")},
        {"clientDataJSON": encoded(b"[" * 5000)},
        {"clientDataJSON": encoded(b'{"type":[],"challenge":1,"origin":{}}')},
        {"clientDataJSON": "é"},
        {"clientDataJSON": 7},
        {"userHandle": {"a": 1}},
    ],
)
async def test_tampered_proofs_are_refused(
    portal: Portal, user: User, register: Register, changes: dict[str, Any]
) -> None:
    key = Authenticator()
    await register(key, user)
    with pytest.raises(FactorError, match=NOT_TAKEN):
        await prove(portal, key, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"attestationObject": ""},
        {"attestationObject": encoded(b"\x81" * 3000)},
        {"attestationObject": encoded(b"\xbf" * 3000)},
        {"attestationObject": encoded(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff")},
        {"attestation": {"fmt": "tpm"}},
        {"attestation": {"fmt": "android-safetynet", "attStmt": {"ver": "1", "response": b"x"}}},
        {"attestation": {"attStmt": {"x5c": [b"x"]}}},
        {"attestation": {"authData": b""}},
        {"attestation": {"authData": bytes(37)}},
        {"attestation": {"authData": None}},
        {"transports": "internal"},
        {"transports": ["usb"] * 3 + [7]},
    ],
)
async def test_tampered_passkeys_are_refused(
    portal: Portal, user: User, register: Register, changes: dict[str, Any]
) -> None:
    with pytest.raises(FactorError, match=NOT_ADDED):
        await register(Authenticator(), user, **changes)
    assert await portal.actions() == []


@pytest.mark.parametrize(
    "credential",
    [
        "", "null", "[]", "{}", "{" * 9000, "[" * 9000, "\x00", '"\ud800"', "x" * 200_000,
        '{"id":"a","rawId":"a","type":"public-key","response":null}',
        '{"id":"\\u0000","rawId":"a","type":"public-key","response":{"clientDataJSON":""}}',
        '{"id":"\\ud800","rawId":"a","type":"public-key","response":{"clientDataJSON":""}}',
    ],
)  # fmt: skip
async def test_what_is_no_credential_is_refused(
    portal: Portal, user: User, credential: str
) -> None:
    with pytest.raises(FactorError, match=NOT_ADDED):
        await passkeys.register(
            portal.services,
            user,
            credential=credential,
            challenge=challenge(),
            name="",
            visitor=visitor(),
            settle=nothing_ends,
        )
    with pytest.raises(FactorError, match=NOT_TAKEN):
        await passkeys.verify(
            portal.services, credential=credential, challenge=challenge(), visitor=visitor()
        )


async def test_an_endless_id_is_refused(portal: Portal, user: User, register: Register) -> None:
    with pytest.raises(FactorError, match=NOT_ADDED):
        await register(Authenticator(credential_id=b"x" * 1100), user)
    assert (await standing(portal, user)).passkeys == ()


async def test_an_account_that_changed_meanwhile_gets_no_passkey(
    portal: Portal, user: User, register: Register
) -> None:
    async with portal.store.writing() as rows:
        await rows.users.disable(user.subject, datetime.now(UTC))
    with pytest.raises(FactorError, match="changed meanwhile"):
        await register(Authenticator(), user)


async def test_passkeys_end_at_twenty(portal: Portal, user: User, register: Register) -> None:
    for _ in range(passkeys.MAX_PASSKEYS):
        await register(Authenticator(), user)
    with pytest.raises(FactorError, match="enough"):
        await register(Authenticator(), user)


@pytest.mark.parametrize(
    ("base_url", "offered"),
    [
        ("https://login.example.org", True),
        ("http://localhost:3000", True),
        ("https://203.0.113.7", False),
        ("http://127.0.0.1:3000", False),
        ("http://[::1]:3000", False),
    ],
)
async def test_passkeys_are_offered_where_the_host_is_a_name(
    new_portal: NewPortal, base_url: str, *, offered: bool
) -> None:
    portal = await new_portal(BASE_URL=base_url)
    assert passkeys.offered(portal.settings) is offered
