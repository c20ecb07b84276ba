import pytest

from portal.origin import Origin
from portal.store import AuditSearch
from tests.store.records import MINUTE, NOW


async def add(store, action="login.succeeded", **fields):
    async with store.writing() as rows:
        await rows.audit.add(action, **{"at": NOW, "actor": "ann"} | fields)


async def listed(store, search=None, **options):
    async with store.reading() as rows:
        return (await rows.audit.list_page(search, **{"after": None, "limit": 50} | options)).events


async def test_an_event_is_kept_as_it_happened(store):
    detail = {"scopes": ["openid"], "nested": {"ö": None, "n": 1}}
    origin = Origin(address="::1", user_agent="x")
    await add(store, subject="bob", client_id="photos", detail=detail, origin=origin)
    (event,) = await listed(store)
    assert (event.action, event.actor, event.subject, event.client_id) == (
        "login.succeeded",
        "ann",
        "bob",
        "photos",
    )
    assert (event.occurred_at, event.detail, event.address) == (NOW, detail, "::1")


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "ok", "x" * 5000, "\U0001f600" * 300])
async def test_what_a_browser_says_about_itself_cannot_stop_an_event(store, text):
    await add(store, origin=Origin(user_agent=text, address=text))
    (event,) = await listed(store)
    assert len(event.user_agent) <= 256
    assert event.user_agent[0] == text[0]


async def test_events_are_narrowed_by_every_field(store):
    await add(store, "a.b", subject="ann", client_id="photos")
    await add(store, "c.d", subject="bob", client_id="music")
    for search in (
        AuditSearch(action="c.d"),
        AuditSearch(subject="bob"),
        AuditSearch(client_id="music"),
        AuditSearch(action="c.d", subject="bob", client_id="music"),
    ):
        assert [event.action for event in await listed(store, search)] == ["c.d"]
    assert await listed(store, AuditSearch(action="a.b", subject="bob")) == ()


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_pages_of_events_follow_one_another(store, oldest_first):
    for n in range(11):
        await add(store, f"n.{n}", at=NOW + (n // 3) * MINUTE)
    seen, after = [], None
    async with store.reading() as rows:
        while True:
            page = await rows.audit.list_page(after=after, limit=4, oldest_first=oldest_first)
            seen += [(event.occurred_at, event.id) for event in page.events]
            if (after := page.next) is None:
                break
    assert len(set(seen)) == 11
    assert seen == sorted(seen, reverse=not oldest_first)


async def test_an_event_is_gone_with_the_change_that_it_tells_of(store):
    async def fail_afterwards():
        async with store.writing() as rows:
            await rows.audit.add("user.created", at=NOW, actor="cli")
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        await fail_afterwards()
    assert await listed(store) == ()
