"""The rules of mailed links by themselves."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from portal import links
from portal.links import LinkError
from portal.origin import Origin
from portal.services import Visitor
from portal.store import Store
from portal.store.tables import User

NOW = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)
ANN = "ann@example.org"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url)
    yield store
    await store.dispose()


@pytest.fixture
async def ann(store: Store) -> User:
    user = User(subject="ann", email=ANN, created_at=NOW, updated_at=NOW)
    async with store.writing() as rows:
        await rows.users.add(user)
    return user


async def issue(store: Store, purpose: str, user: User | None = None, email: str = ANN) -> str:
    async with store.writing() as rows:
        return await links.issue(
            rows, purpose=purpose, email=email, lifetime=60, now=NOW, user=user
        )


async def test_a_link_is_used_once(store: Store, ann: User) -> None:
    token = await issue(store, links.RESET, ann)
    async with store.writing() as rows:
        link = await links.look_at(rows, token, links.RESET, now=NOW)
        await links.use(rows, link, now=NOW)
        with pytest.raises(LinkError):
            await links.use(rows, link, now=NOW)
        with pytest.raises(LinkError):
            await links.look_at(rows, token, links.RESET, now=NOW)


async def test_a_link_that_expired_while_its_page_was_open_is_not_used(
    store: Store, ann: User
) -> None:
    token = await issue(store, links.RESET, ann)
    async with store.writing() as rows:
        link = await links.look_at(rows, token, links.RESET, now=NOW)
        with pytest.raises(LinkError):
            await links.use(rows, link, now=NOW + timedelta(seconds=60))


async def test_a_new_one_voids_those_for_the_same_and_no_other(store: Store, ann: User) -> None:
    first, verify = await issue(store, links.RESET, ann), await issue(store, links.VERIFY, ann)
    invite = await issue(store, links.INVITE, email="bob@example.org")
    second = await issue(store, links.RESET, ann)
    async with store.reading() as rows:
        with pytest.raises(LinkError):
            await links.look_at(rows, first, links.RESET, now=NOW)
        for token, purpose in ((second, links.RESET), (verify, links.VERIFY)):
            assert (await links.look_at(rows, token, purpose, now=NOW)).subject == "ann"
        assert (await links.look_at(rows, invite, links.INVITE, now=NOW)).subject is None


async def test_a_link_about_an_account_needs_the_account(store: Store) -> None:
    token = await issue(store, links.RESET)
    async with store.reading() as rows:
        with pytest.raises(LinkError):
            await links.look_at(rows, token, links.RESET, now=NOW)


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 10_000, "\ud800", "\x00"])
async def test_no_other_text_finds_anything(store: Store, ann: User, token: str) -> None:
    await issue(store, links.RESET, ann)
    async with store.reading() as rows:
        with pytest.raises(LinkError):
            await links.look_at(rows, token, links.RESET, now=NOW)


async def test_tokens_are_long_and_kept_as_hashes(store: Store, ann: User) -> None:
    token = await issue(store, links.RESET, ann)
    assert len(token) == 43
    async with store.reading() as rows:
        link = await links.look_at(rows, token, links.RESET, now=NOW)
    assert link.token_hash == links.token_hash(token)
    assert token not in str(vars(link))


@pytest.mark.parametrize(
    ("asked_in", "opened_in", "asks"),
    [("a" * 64, "a" * 64, False), ("a" * 64, "b" * 64, True), ("a" * 64, None, True),
     (None, "b" * 64, False)],
)  # fmt: skip
async def test_another_browser_has_to_know_the_address(
    store: Store, ann: User, asked_in: str | None, opened_in: str | None, asks: bool
) -> None:
    async with store.writing() as rows:
        token = await links.issue(
            rows, purpose=links.RESET, email=ANN, lifetime=60, now=NOW, user=ann,
            browser_hash=asked_in,
        )  # fmt: skip
        link = await links.look_at(rows, token, links.RESET, now=NOW)
    visitor = Visitor(browser_hash=opened_in, origin=Origin(), now=NOW)
    assert links.asks_for_address(link, visitor) is asks
