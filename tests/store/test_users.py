import pytest

from portal.store import AlreadyExistsError
from tests.store.records import MINUTE, NOW, user


async def test_a_user_is_found_as_it_was_added(store):
    async with store.writing() as rows:
        await rows.users.add(user(name="Änn", email_verified=True, admin=True))
    async with store.reading() as rows:
        found = await rows.users.find("ann")
        by_email = await rows.users.find_by_email("ann@example.org")
        assert await rows.users.find("bob") is None
        assert await rows.users.find_by_email("Ann@example.org") is None
    assert found is not None
    assert by_email is not None
    assert (found.name, found.email_verified, found.admin) == ("Änn", True, True)
    assert (found.created_at, found.disabled_at, found.epoch) == (NOW, None, 0)
    assert by_email.subject == "ann"


@pytest.mark.parametrize(
    "twin", [user("ann", email="other@example.org"), user("bob", email="ann@example.org")]
)
async def test_a_subject_or_an_address_is_given_once(store, twin):
    async with store.writing() as rows:
        await rows.users.add(user())
    with pytest.raises(AlreadyExistsError) as refusal:
        async with store.writing() as rows:
            await rows.users.add(twin)
    assert "example.org" not in str(refusal.value)
    assert refusal.value.__suppress_context__


async def test_a_new_password_starts_a_new_epoch(store):
    async with store.writing() as rows:
        await rows.users.add(user())
        assert await rows.users.set_password("ann", password_hash="new", at=NOW + MINUTE)
        assert not await rows.users.set_password("bob", password_hash="new", at=NOW)
        found = await rows.users.find("ann")
    assert found is not None
    assert (found.password_hash, found.epoch, found.updated_at) == ("new", 1, NOW + MINUTE)


async def test_a_rehash_keeps_the_epoch_and_never_undoes_a_new_password(store):
    async with store.writing() as rows:
        await rows.users.add(user())
        assert await rows.users.replace_hash("ann", old="hash", new="stronger")
        assert not await rows.users.replace_hash("ann", old="hash", new="stale")
        found = await rows.users.find("ann")
    assert found is not None
    assert (found.password_hash, found.epoch) == ("stronger", 0)


async def test_disabling_ends_earlier_sign_ins_and_enabling_does_not_bring_them_back(store):
    async with store.writing() as rows:
        await rows.users.add(user())
        assert await rows.users.disable("ann", NOW)
        assert not await rows.users.disable("ann", NOW + MINUTE)
        disabled = await rows.users.find("ann")
        assert await rows.users.enable("ann", at=NOW + MINUTE)
        assert not await rows.users.enable("ann", at=NOW + MINUTE)
        enabled = await rows.users.find("ann")
    assert disabled is not None
    assert enabled is not None
    assert (disabled.disabled_at, disabled.epoch) == (NOW, 1)
    assert (enabled.disabled_at, enabled.epoch) == (None, 1)


async def test_pages_of_users_follow_one_another(store):
    names = ["ann", "bob", "cleo", "dan", "eve"]
    async with store.writing() as rows:
        for name in reversed(names):
            await rows.users.add(user(name))
    seen, after = [], None
    async with store.reading() as rows:
        while page := await rows.users.list_page(after_email=after, limit=2):
            seen += [found.subject for found in page]
            after = page[-1].email
    assert seen == names
