"""Sign-ins that are half done, and what a sign-in has to reckon with; on both databases."""

from datetime import UTC, datetime, timedelta
from typing import Any

from portal.store import Store
from portal.store.sign_ins import Surroundings
from portal.store.tables import ClientPolicy, LoginSession, Passkey, SignIn, TotpFactor
from tests.store.records import revocation

NOW = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)
KEY = "k" * 64
NOTHING = Surroundings(
    has_passkey=False,
    has_totp=False,
    required_acr=None,
    has_void_session=False,
    has_pending=False,
)


def sign_in(**fields: Any) -> SignIn:
    known: dict[str, Any] = {
        "key_hash": KEY,
        "subject": "ann",
        "epoch": 0,
        "amr": ["pwd"],
        "remember": False,
        "started_at": NOW,
    }
    return SignIn(**known | fields)


def login_session(**fields: Any) -> LoginSession:
    known: dict[str, Any] = {
        "session_id_hash": "s" * 64,
        "subject": "ann",
        "acr": "aal1",
        "amr": ["pwd"],
        "authenticated_at": NOW,
        "epoch": 1,
        "remembered": True,
        "browser_hash": "b" * 64,
        "address": "",
        "user_agent": "",
        "last_used_at": NOW,
    }
    return LoginSession(**known | fields)


async def around(store: Store, **fields: Any) -> Surroundings:
    asked: dict[str, Any] = {"epoch": 1, "client_id": "photos", "browser_hash": "b" * 64}
    async with store.reading() as rows:
        return await rows.sign_ins.surroundings("ann", **asked | fields)


async def test_of_two_that_finish_one_does(store: Store) -> None:
    async with store.writing() as rows:
        await rows.sign_ins.save(sign_in())
    ended = []
    for _ in range(2):
        async with store.writing() as rows:
            ended.append(await rows.sign_ins.end(KEY))
    assert ended == [True, False]


async def test_another_person_in_the_same_browser_replaces_it(store: Store) -> None:
    async with store.writing() as rows:
        await rows.sign_ins.save(sign_in())
        await rows.sign_ins.save(sign_in(subject="bob", amr=["pwd", "otp"]))
        found = await rows.sign_ins.find(KEY)
    assert found is not None
    assert (found.subject, found.amr) == ("bob", ["pwd", "otp"])


async def test_the_old_ones_are_forgotten(store: Store) -> None:
    async with store.writing() as rows:
        await rows.sign_ins.save(sign_in())
        await rows.sign_ins.save(sign_in(key_hash="o" * 64, started_at=NOW - timedelta(hours=2)))
        assert await rows.sign_ins.delete_before(NOW - timedelta(hours=1), 10) == 1
        assert await rows.sign_ins.find(KEY) is not None


async def test_most_people_have_nothing_to_reckon_with(store: Store) -> None:
    assert await around(store) == NOTHING
    assert not NOTHING.has_second_factor


async def test_factors_and_the_apps_policy_are_seen(store: Store) -> None:
    async with store.writing() as rows:
        await rows.passkeys.add(
            Passkey(
                credential_id="c",
                subject="ann",
                public_key="p",
                sign_count=0,
                transports=[],
                backed_up=False,
                name="Key",
                created_at=NOW,
            )
        )
        await rows.totp_factors.add(
            TotpFactor(id="t", subject="ann", sealed_secret="x", name="Phone", created_at=NOW)
        )
        await rows.policies.save(
            ClientPolicy(
                client_id="photos",
                required_scopes=[],
                required_acr="aal2",
                updated_at=NOW,
                updated_by="cli",
            )
        )
    found = await around(store)
    assert (found.has_passkey, found.has_totp, found.required_acr) == (True, True, "aal2")
    assert found.has_second_factor
    assert (await around(store, client_id="others")).required_acr is None


async def test_a_session_that_was_voided_in_this_browser_is_seen(store: Store) -> None:
    async def seen(**fields: Any) -> bool:
        async with store.writing() as rows:
            await rows.login_sessions.save(login_session(**fields))
        return (await around(store)).has_void_session

    assert not await seen()
    assert await seen(epoch=0)
    assert await seen(ended_at=NOW)
    assert not await seen(ended_at=NOW, browser_hash="o" * 64)
    assert not await seen(ended_at=NOW, remembered=False)


async def test_what_ory_has_yet_to_end_is_seen(store: Store) -> None:
    async with store.writing() as rows:
        await rows.revocations.add(revocation(subject="ann", client_id="others"))
    assert not (await around(store)).has_pending
    assert (await around(store, client_id="others")).has_pending
    async with store.writing() as rows:
        await rows.revocations.add(revocation(id="2", subject="ann", client_id=None))
    assert (await around(store)).has_pending


async def test_a_session_that_ended_is_not_raised(store: Store) -> None:
    session = login_session()
    async with store.writing() as rows:
        await rows.login_sessions.save(session)
        raised = await rows.login_sessions.raise_level(
            session, acr="aal2", amr=["pwd", "otp", "mfa"], browser_hash=None
        )
        await rows.login_sessions.save(login_session(ended_at=NOW))
        again = await rows.login_sessions.raise_level(
            session, acr="aal2", amr=["pwd", "otp", "mfa"], browser_hash=None
        )
    assert (raised, again) == (True, False)
