import pytest

from portal.store import AlreadyExistsError
from tests.store.records import MINUTE, NOW, login_session, portal_session, user

A, B, C = "a" * 64, "b" * 64, "c" * 64


async def test_a_login_session_is_kept_as_it_was_last_saved(store):
    async with store.writing() as rows:
        await rows.login_sessions.save(login_session(A))
        await rows.login_sessions.save(login_session(A, acr="2", amr=["pwd", "otp"], epoch=3))
        found = await rows.login_sessions.find(A)
        assert await rows.login_sessions.find(B) is None
    assert found is not None
    assert (found.acr, found.amr, found.epoch) == ("2", ["pwd", "otp"], 3)


async def test_login_sessions_end_one_by_one(store):
    async with store.writing() as rows:
        for name in (A, B):
            await rows.login_sessions.save(login_session(name))
        await rows.login_sessions.save(login_session(C, subject="bob"))
        assert await rows.login_sessions.end(A)
        assert not await rows.login_sessions.end(A)
        assert [s.session_id_hash for s in await rows.login_sessions.of_subject("ann")] == [B]
        assert await rows.login_sessions.end(B)
        assert await rows.login_sessions.of_subject("ann") == ()
        assert len(await rows.login_sessions.of_subject("bob")) == 1


async def test_a_used_login_session_outlives_the_unused(store):
    async with store.writing() as rows:
        for name in (A, B):
            await rows.login_sessions.save(login_session(name))
        await rows.login_sessions.touch(A, NOW + MINUTE)
        assert [s.session_id_hash for s in await rows.login_sessions.of_subject("ann")] == [A, B]
        assert await rows.login_sessions.delete_before(NOW + MINUTE, 10) == 1
        assert await rows.login_sessions.find(A)


async def test_a_portal_session_comes_with_its_user(store):
    async with store.writing() as rows:
        await rows.users.add(user())
        await rows.portal_sessions.add(portal_session(A, epoch=7))
        await rows.portal_sessions.add(portal_session(B, subject="nobody"))
        await rows.portal_sessions.touch(A, NOW + MINUTE)
        found = await rows.portal_sessions.find(A)
        assert await rows.portal_sessions.find(B) is None
        assert await rows.portal_sessions.find(C) is None
    assert found is not None
    session, owner = found
    assert (session.epoch, session.seen_at, owner.email) == (7, NOW + MINUTE, "ann@example.org")
    assert owner.epoch == 0


async def test_the_id_of_a_portal_session_is_never_adopted(store):
    async with store.writing() as rows:
        await rows.portal_sessions.add(portal_session(A))
    with pytest.raises(AlreadyExistsError):
        async with store.writing() as rows:
            await rows.portal_sessions.add(portal_session(A, subject="bob"))


async def test_all_portal_sessions_end_but_this_one(store):
    async with store.writing() as rows:
        await rows.users.add(user())
        for name in (A, B, C):
            await rows.portal_sessions.add(portal_session(name))
        assert await rows.portal_sessions.delete_all("ann", but=B) == 2
        assert await rows.portal_sessions.find(B)
        assert await rows.portal_sessions.delete_all("ann", but=None) == 1
        assert not await rows.portal_sessions.delete(B)


async def test_idle_portal_sessions_are_forgotten_in_portions(store):
    async with store.writing() as rows:
        for name in (A, B, C):
            await rows.portal_sessions.add(portal_session(name, seen_at=NOW - MINUTE))
        assert await rows.portal_sessions.delete_before(NOW, 2) == 2
        assert await rows.portal_sessions.delete_before(NOW, 2) == 1


async def test_a_browser_is_known_to_the_account_it_signed_in_to(store):
    async with store.writing() as rows:
        assert not await rows.browsers.is_known(A, B)
        await rows.browsers.remember(A, B, NOW - MINUTE)
        assert await rows.browsers.is_known(A, B)
        assert not await rows.browsers.is_known(C, B)
        await rows.browsers.remember(A, B, NOW)
        await rows.browsers.remember(A, C, NOW - MINUTE)
        assert await rows.browsers.delete_before(NOW, 10) == 1
        assert await rows.browsers.is_known(A, B)
        assert await rows.browsers.forget_all(A) == 1
        assert not await rows.browsers.is_known(A, B)
