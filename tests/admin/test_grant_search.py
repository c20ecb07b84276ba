"""What the admin's search says about what it found: states, ages, orders, counts and limits."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest

from portal.admin import grant_listing
from portal.admin.grant_listing import total, unmeant
from portal.admin.grant_search import AGES, ORDERS, TERMS, Wanted, read_back, read_wanted
from portal.store.grant_index import MOST_CLIENTS, MOST_USERS, GrantPage, Position, Tally
from portal.store.tables import ClientPolicy
from portal.web.inputs import HostileInputError
from portal.writing import day
from tests.driver import Browser, Document, chosen, words
from tests.fixtures.portal import Portal, sign_in
from tests.real.portal import Person

NOW = datetime.now(UTC)


def days(number: float) -> datetime:
    return NOW - timedelta(days=number)


@pytest.fixture
async def apps(portal: Portal, browser: Browser, ann: Person, admin: Person) -> None:
    """Ann's apps are called after the days since they were allowed, and used."""
    for allowed, used in ((0.5, 0.5), (5, 2), (20, 20), (60, 0.1), (120, 100), (500, 400)):
        name = f"a{allowed}-u{used}"
        await portal.add_grant(ann, name, granted_at=days(allowed), last_accept_at=days(used))
    await sign_in(browser, portal, admin)


async def search(browser: Browser, portal: Portal, **terms: str) -> Document:
    page = await browser.open(httpx.URL(f"{portal.url}/admin/grants", params=terms))
    assert page.status == 200, page
    return page


def found(page: Document) -> list[str]:
    rows = [row for body in page.root.iter("tbody") for row in body.iter("tr")]
    return [words(list(row.iter("code"))[1]) for row in rows]


def status(page: Document) -> str:
    return words(page.element("grants-results").find(".//p"))


AGED = [
    ({"allowed": "1d"}, ["a0.5-u0.5"]),
    ({"allowed": "7d"}, ["a0.5-u0.5", "a5-u2"]),
    ({"allowed": "30d"}, ["a0.5-u0.5", "a5-u2", "a20-u20"]),
    ({"allowed": "before-30d"}, ["a60-u0.1", "a120-u100", "a500-u400"]),
    ({"allowed": "before-90d"}, ["a120-u100", "a500-u400"]),
    ({"allowed": "before-365d"}, ["a500-u400"]),
    ({"used": "1d"}, ["a60-u0.1", "a0.5-u0.5"]),
    ({"used": "7d"}, ["a60-u0.1", "a0.5-u0.5", "a5-u2"]),
    ({"used": "before-30d"}, ["a500-u400", "a120-u100"]),
    ({"used": "before-90d", "order": "used"}, ["a120-u100", "a500-u400"]),
    ({"used": "before-365d"}, ["a500-u400"]),
    ({"allowed": "before-30d", "used": "1d"}, ["a60-u0.1"]),
    ({"allowed": "before-30d", "order": "oldest"}, ["a500-u400", "a120-u100", "a60-u0.1"]),
    ({"used": "7d", "order": "newest"}, ["a0.5-u0.5", "a5-u2", "a60-u0.1"]),
    ({"allowed": "7d", "order": "used"}, ["a0.5-u0.5", "a5-u2"]),
    ({"allowed": "7d", "order": "unused"}, ["a5-u2", "a0.5-u0.5"]),
]


async def test_ages_narrow_and_the_order_follows_them(
    portal: Portal, browser: Browser, apps: None
) -> None:
    for terms, expected in AGED:
        page = await search(browser, portal, **terms)
        assert found(page) == expected, terms
        for name, value in terms.items():
            chosen = [o for o in page.element(name).iter("option") if "selected" in o.attrib]
            assert [option.get("value") for option in chosen] == [value]


async def test_a_form_that_is_sent_as_it_stands_finds_everything(
    portal: Portal, browser: Browser, apps: None
) -> None:
    page = await search(browser, portal)
    (button,) = [b for b in page.root.iter("button") if words(b) == "Search"]
    page = await browser.submit(button)
    assert len(found(page)) == 6
    assert status(page) == "6 entries: 1 person, 6 apps. Newest first."


@pytest.mark.parametrize(
    "terms",
    [
        {"allowed": "soon"},
        {"allowed": "31d"},
        {"used": "before-"},
        {"used": "-30d"},
        {"allowed": "30d "},
        {"allowed": "before-before-30d"},
        {"order": "backwards"},
        {"order": "newest; DROP TABLE grants"},
        {"order": "NEWEST"},
    ],
)
async def test_what_the_form_does_not_offer_is_refused(
    portal: Portal, browser: Browser, apps: None, terms: dict[str, str]
) -> None:
    page = await browser.open(httpx.URL(f"{portal.url}/admin/grants", params=terms))
    assert page.status == 400
    (name,) = terms
    field = page.element(name)
    assert field.get("aria-invalid") == "true"
    assert chosen(field) == terms[name], "it is kept, to be compared with the list"
    assert words(page.element(field.get("aria-describedby", "").strip())).endswith(
        "Choose one from the list."
    )
    assert page.link_to(f"#{name}"), "and told at the top"
    assert page.title.startswith("Error: ")
    assert page.element("grants-search").get("role") == "search"
    assert not list(page.root.iter("table"))


FRAGMENTS = ("'", '"', "%", "_", "\\", "--", ";", "(", "{{", "<b>", "\u202e", "\U0001f4a3", "%00")
JOINTS = (" OR 1=1", "*/", "\n", "\u200b", "a" * 100)


async def test_hundreds_of_hostile_searches_find_nothing_and_break_nothing(
    portal: Portal, browser: Browser, apps: None
) -> None:
    payloads = [f"{a}{b}{c}" for a, b, c in itertools.product(FRAGMENTS, JOINTS, FRAGMENTS[:3])]
    payloads = [text for text in payloads if "\0" not in text]
    names = itertools.cycle(("user", "client", "scope", "state"))
    assert len(payloads) * 2 > 300
    for name, text in zip(names, payloads * 2, strict=False):
        answer = await browser._http.get("/admin/grants", params={name: text})
        assert answer.status_code == (400 if name == "state" else 200), (name, text)
        assert "<b> OR" not in answer.text
        assert "/admin/grants/one?" not in answer.text, (name, text)
    assert len(found(await search(browser, portal))) == 6


async def test_a_place_in_one_order_is_none_in_another(
    portal: Portal, browser: Browser, apps: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grant_listing, "PAGE", 2)
    page = await search(browser, portal, order="unused")
    after = httpx.URL(page.link("Show those used later")).params["after"]
    for order in ("newest", "oldest", "used", ""):
        answer = await browser._http.get("/admin/grants", params={"order": order, "after": after})
        assert answer.status_code == 400, order


@pytest.mark.parametrize(
    ("order", "text"),
    [
        ("newest", "Show older ones"),
        ("oldest", "Show newer ones"),
        ("used", "Show those used before"),
        ("unused", "Show those used later"),
    ],
)
async def test_every_order_is_paged_and_leads_back_to_the_first_page(
    portal: Portal,
    browser: Browser,
    apps: None,
    monkeypatch: pytest.MonkeyPatch,
    order: str,
    text: str,
) -> None:
    monkeypatch.setattr(grant_listing, "PAGE", 4)
    first = await search(browser, portal, order=order, client="a")
    second = await browser.follow(text)
    assert len({*found(first), *found(second)}) == 6
    assert "6 entries" in status(second)
    assert found(await browser.follow("Back to the first page")) == found(first)


async def test_a_grant_is_shown_as_expired_from_the_second_on(
    portal: Portal, browser: Browser, apps: None, ann: Person
) -> None:
    """The store notes it later, and a policy of today holds for what was allowed before it."""
    minute = timedelta(minutes=1)
    await portal.add_grant(ann, "over", expires_at=NOW - minute)
    await portal.add_grant(ann, "lasting", expires_at=NOW + 60 * minute)
    async with portal.store.writing() as rows:
        await rows.policies.save(
            ClientPolicy(
                client_id="a60-u0.1",
                verified=False,
                required_scopes=[],
                longest_grant=3600,
                updated_at=NOW,
                updated_by="x",
            )
        )
    for client, text in (
        ("over", f"Expired Asked again since {day(NOW - minute)}"),
        ("lasting", f"Active Not asked again before {day(NOW + 60 * minute)}"),
        ("a60-u0.1", f"Expired Asked again since {day(days(60) + 60 * minute)}"),
        ("a5-u2", "Active Not asked again"),
    ):
        page = await search(browser, portal, client=client)
        assert text in page.text, client


async def test_what_ended_at_ory_itself_says_so(
    portal: Portal, browser: Browser, apps: None, ann: Person
) -> None:
    ended = {"revoked_at": NOW, "revoke_synced_at": NOW, "revoke_reason": "revoked at Ory"}
    await portal.add_grant(ann, "elsewhere", **ended)
    page = await search(browser, portal, state="at_ory")
    assert found(page) == ["elsewhere"]
    assert "Removed at Ory" in words(page.root.find(".//tbody"))


async def test_all_of_a_search_can_be_removed_if_it_is_one_and_something_lives(
    portal: Portal, browser: Browser, apps: None, ann: Person
) -> None:
    await portal.add_grant(ann, "gone", revoked_at=NOW, revoke_synced_at=NOW)
    page = await search(browser, portal, user="ann", used="before-30d", order="used")
    target = httpx.URL(page.link("Remove all of these"))
    assert target.path == "/admin/grants/revoke-all"
    assert dict(target.params) == {"user": "ann", "used": "before-30d"}
    for terms in ({}, {"order": "oldest"}, {"client": "gone"}, {"user": "nobody"}):
        assert "Remove all" not in (await search(browser, portal, **terms)).text, terms


async def test_more_than_can_be_meant_is_said_and_neither_removed_nor_exported(
    portal: Portal, browser: Browser, apps: None
) -> None:
    for number in range(MOST_USERS + 1):
        person = await portal.add_user(f"many-{number:03}@example.org")
    await portal.add_grant(person, "photos")
    for number in range(MOST_CLIENTS + 1):
        await portal.add_grant(person, f"many{number:02}")
    for terms, text in (
        ({"user": "many"}, f"More than {MOST_USERS} people fit “many”"),
        ({"client": "many"}, f"More than {MOST_CLIENTS} apps fit “many”"),
    ):
        page = await search(browser, portal, **terms)
        assert text in page.text
        assert "Remove all" not in page.text
        assert "Export" not in page.text
        answer = await browser._http.get("/admin/grants/export", params=terms)
        assert answer.status_code == 400
        assert "the file would be incomplete" in answer.text
        assert "“many”" not in answer.text
    assert "grants.exported" not in await portal.actions()


async def test_a_search_that_stopped_to_stay_fast_can_be_gone_on_with(
    portal: Portal, browser: Browser, apps: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    place: Position = (datetime(2026, 3, 3, tzinfo=UTC), "a", "b")

    async def page(*_: object, **__: object) -> GrantPage:
        return GrantPage(rows=(), next=place, looked_until=place[0])

    monkeypatch.setattr("portal.store.grant_index.GrantIndex.page", page)
    shown = await search(browser, portal, scope="openid")
    assert "Looked back until 3 Mar 2026; nothing fits so far." in shown.text
    assert "Nothing found" not in shown.text
    further = httpx.URL(shown.link("Look further"))
    assert read_wanted(dict(further.params)).position() == place
    shown = await search(browser, portal, scope="openid", order="oldest")
    assert "Looked up to 3 Mar 2026" in shown.text


TALLIES = [
    (Tally(grants=0), "Nothing"),
    (Tally(grants=1, people=1, apps=1), "1 entry"),
    (Tally(grants=2, people=1, apps=2), "2 entries: 1 person, 2 apps"),
    (Tally(grants=9876, people=1234, apps=1), "9,876 entries: 1,234 people, 1 app"),
    (Tally(grants=12_345, exact=False), "About 12,000 entries"),
    (Tally(grants=994_999, exact=False), "About 990,000 entries"),
    (Tally(grants=999_999, exact=False), "About 1 million entries"),
    (Tally(grants=1_234_567, exact=False), "About 1.2 million entries"),
    (Tally(grants=10_000_001, exact=False), "About 10 million entries"),
    (Tally(grants=123_456_789, exact=False), "About 120 million entries"),
]


@pytest.mark.parametrize(("tally", "text"), TALLIES)
def test_an_estimate_is_told_as_one(tally: Tally, text: str) -> None:
    assert total(tally) == text


def test_an_address_means_the_same_search_again() -> None:
    made = itertools.product(("", "ann@example.org", "a b&c=d#é"), ("", *AGES), ("", *ORDERS))
    for user, used, order in made:
        wanted = Wanted(user=user, used=used, order=order)
        place: Position = (datetime(2026, 1, 1, 1, 2, 3, 456789, tzinfo=UTC), "ä", "b/?&")
        for search_ in (wanted, wanted.following(place)):
            assert read_back(search_.query) == search_
            asked = dict(httpx.URL(f"https://x{search_.url(notice='revoked')}").params)
            assert asked.pop("notice") == "revoked"
            assert read_wanted(asked) == search_
        assert wanted.following(place).position() == place
        assert set(wanted.terms) <= set(TERMS)


@pytest.mark.parametrize("name", ["state", "allowed", "used", "order", "after"])
def test_a_choice_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(HostileInputError):
        read_wanted({name: "zz"})


def test_ages_are_counted_from_now() -> None:
    found = Wanted(allowed="before-90d", used="7d").search(NOW)
    assert (found.allowed_since, found.allowed_until) == (None, days(90))
    assert (found.used_since, found.used_until) == (days(7), None)


@pytest.mark.parametrize("name", msgspec.structs.asdict(Wanted()))
def test_a_way_back_names_nothing_twice(name: str) -> None:
    with pytest.raises(HostileInputError):
        read_back(f"{name}=&{name}=")


def test_nothing_is_said_about_a_search_that_means_all_it_says() -> None:
    whole: Callable[..., object] = grant_listing.Selected
    assert unmeant(whole(selection=None), Wanted(user="a")) == ()  # type: ignore[arg-type]  # not looked at
