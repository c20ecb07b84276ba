"""Ending sign-ins: what counts no more, and how Ory gets to know it, however long it is away."""

from datetime import timedelta

import msgspec
import pytest
import time_machine

from portal import sessions
from portal.decisions import login_session_hash
from portal.origin import browser_in_words
from portal.revocations import carry_out, try_now
from portal.sealing import Sealer
from portal.services import Services
from portal.settings import Secret
from portal.store.tables import LoginSession
from tests.doubles.ory import OryDouble
from tests.fixtures.portal import Portal
from tests.real.portal import Person
from tests.security.steps import CHROME, HERE, NOW, plant
from tests.store.records import portal_session

ARRIVED = timedelta(minutes=36)
"""After the longest life of a challenge, and its grace."""


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    """Claiming is where databases differ: both."""
    return database_url


@pytest.fixture(autouse=True)
def _at_noon() -> object:
    with time_machine.travel(NOW, tick=False):
        yield


async def end(portal: Portal, person: Person, sid: str) -> LoginSession | None:
    async with portal.store.writing() as rows:
        return await sessions.end_login_session(
            rows, login_session_hash(sid), person.subject, now=NOW
        )


async def known(portal: Portal, sid: str) -> LoginSession | None:
    async with portal.store.reading() as rows:
        return await rows.login_sessions.find(login_session_hash(sid))


async def work(portal: Portal, *, after: timedelta) -> bool:
    with time_machine.travel(NOW + after, tick=False):
        return await sessions.tell_ended(portal.services, now=NOW + after)


def told(ory: OryDouble) -> list[str]:
    return [query["sid"] for kind, query in ory.deletions if kind == "login" and "sid" in query]


async def test_an_ended_session_is_told_to_ory_by_its_own_id(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    for sid in ("laptop", "phone"):
        await plant(portal, ann, sid)
    ended = await end(portal, ann, "phone")
    assert ended is not None
    assert ended.ended_at == NOW
    assert await sessions.tell(ended, portal.services)
    assert ory.deletions == [("login", {"sid": "phone"})]
    kept = await known(portal, "phone")
    assert kept is not None
    assert kept.end_confirmed_at == NOW
    other = await known(portal, "laptop")
    assert other is not None
    assert other.ended_at is None


async def test_nobody_ends_what_is_somebody_elses(
    portal: Portal, ory: OryDouble, ann: Person, bob: Person
) -> None:
    await plant(portal, ann, "phone")
    assert await end(portal, bob, "phone") is None
    session = await known(portal, "phone")
    assert session is not None
    assert session.ended_at is None


async def test_what_was_ended_is_not_ended_again(portal: Portal, ann: Person) -> None:
    await plant(portal, ann, "phone")
    assert await end(portal, ann, "phone") is not None
    assert await end(portal, ann, "phone") is None


async def test_ory_is_told_once_more_when_every_accept_must_have_arrived(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    """A browser that was on its way brings the session back at Ory; here it counts no more."""
    await plant(portal, ann, "phone")
    ended = await end(portal, ann, "phone")
    assert ended is not None
    await sessions.tell(ended, portal.services)
    await work(portal, after=timedelta(minutes=20))
    assert told(ory) == ["phone"]
    assert await known(portal, "phone") is not None
    await work(portal, after=ARRIVED)
    assert told(ory) == ["phone", "phone"]
    kept = await known(portal, "phone")
    assert kept is not None  # the browser has Ory's cookie yet: a sign-in looks for it
    assert kept.end_due_at is None


async def test_the_background_tells_ory_what_the_request_could_not(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await plant(portal, ann, "phone")
    ended = await end(portal, ann, "phone")
    assert ended is not None
    ory.down()
    assert not await sessions.tell(ended, portal.services)
    waiting = await known(portal, "phone")
    assert waiting is not None
    assert waiting.end_confirmed_at is None
    await work(portal, after=timedelta(minutes=1))
    assert told(ory) == []
    ory.heal()
    await work(portal, after=timedelta(minutes=1, seconds=30))
    assert told(ory) == []  # twice as long after each failure
    await work(portal, after=timedelta(minutes=5))
    assert told(ory) == ["phone"]


async def test_what_dies_in_the_middle_is_done_by_another_process(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await plant(portal, ann, "phone")
    await end(portal, ann, "phone")
    async with portal.store.writing() as rows:
        at = NOW + timedelta(seconds=10)
        claimed = await rows.login_sessions.claim_ended(now=at, limit=9, lease=sessions.LEASE)
        assert len(claimed) == 1
        again = await rows.login_sessions.claim_ended(now=at, limit=9, lease=sessions.LEASE)
        assert again == ()
    await work(portal, after=timedelta(seconds=20))
    assert told(ory) == []
    await work(portal, after=timedelta(seconds=41))
    assert told(ory) == ["phone"]


async def test_more_than_a_portion_goes_on_at_once(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    for number in range(sessions.AT_ONCE + 1):
        await plant(portal, ann, f"sid-{number}")
    async with portal.store.writing() as rows:
        await sessions.end_elsewhere(rows, ann.subject, but=None, now=NOW)
    assert await work(portal, after=timedelta(minutes=1))
    assert not await work(portal, after=timedelta(minutes=1))
    assert len(set(told(ory))) == sessions.AT_ONCE + 1


async def test_a_sign_in_to_a_session_that_is_being_ended_begins_it_anew(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await plant(portal, ann, "phone")
    ended = await end(portal, ann, "phone")
    assert ended is not None
    ory.down()
    await plant(portal, ann, "phone")
    await sessions.tell(ended, portal.services)
    session = await known(portal, "phone")
    assert session is not None
    assert (session.ended_at, session.end_due_at) == (None, None)
    ory.heal()
    await sessions.tell(ended, portal.services)
    session = await known(portal, "phone")
    assert session is not None
    assert session.end_confirmed_at is None


@pytest.mark.parametrize("sealed", [None, "elsewhere"])
async def test_a_session_whose_id_is_not_known_just_counts_no_more(
    portal: Portal, ory: OryDouble, ann: Person, sealed: str | None
) -> None:
    if sealed is not None:
        sealed = Sealer([Secret("another key that is long enough to be one")]).seal("sid", "x")
    await plant(portal, ann, "old", sealed_id=sealed)
    ended = await end(portal, ann, "old")
    assert ended is not None
    assert await sessions.tell(ended, portal.services)
    assert told(ory) == []
    session = await known(portal, "old")
    assert session is not None
    assert session.ended_at == NOW
    assert session.end_due_at is None


async def test_signing_out_elsewhere_ends_all_but_one(
    portal: Portal, ory: OryDouble, ann: Person, bob: Person
) -> None:
    await portal.add_grant(ann)
    await plant(portal, ann, "phone")
    await plant(portal, bob, "bobs")
    async with portal.store.writing() as rows:
        for name in ("a" * 64, "c" * 64):
            await rows.portal_sessions.add(portal_session(name, subject=ann.subject))
        await rows.portal_sessions.add(portal_session("d" * 64, subject=bob.subject))
        revocation = await sessions.end_elsewhere(rows, ann.subject, but="a" * 64, now=NOW)
    assert await try_now(revocation, portal.services)
    assert ory.deletions == [("login", {"subject": ann.subject})]
    async with portal.store.reading() as rows:
        left = await rows.portal_sessions.of_subject(ann.subject)
        assert [each.session_id_hash for each in left] == ["a" * 64]
        assert len(await rows.portal_sessions.of_subject(bob.subject)) == 1
        (phone,) = await rows.login_sessions.of_subject(ann.subject)
        (bobs,) = await rows.login_sessions.of_subject(bob.subject)
        assert await rows.revocations.pending_of(ann.subject) == ()
    assert phone.ended_at == NOW
    assert bobs.ended_at is None


async def test_apps_keep_what_they_were_allowed(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await portal.add_grant(ann)
    ory.plant_client("photos")
    ory.plant_consent_session(ann.subject, "photos")
    async with portal.store.writing() as rows:
        revocation = await sessions.end_elsewhere(rows, ann.subject, but=None, now=NOW)
    async with portal.store.reading() as rows:
        assert await rows.revocations.pending_of(ann.subject) == ()
        pair = (ann.subject, "photos")
        assert await rows.revocations.pending_for(*pair, logins=False) == ()
        (waiting,) = await rows.revocations.pending_for(*pair)
        assert waiting.end_logins
    await carry_out(revocation, portal.services)
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is None
    assert len(ory.sessions_of(ann.subject)) == 1
    assert [kind for kind, _ in ory.deletions] == ["login"]


async def test_what_ends_sign_ins_alone_is_done_when_ory_confirmed(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    async with portal.store.writing() as rows:
        revocation = await sessions.end_elsewhere(rows, ann.subject, but=None, now=NOW)
    await carry_out(revocation, portal.services)
    async with portal.store.writing() as rows:
        far = NOW + timedelta(days=9)
        assert await rows.revocations.claim_due(now=far, limit=9, lease=timedelta()) == ()


async def test_only_this_browser_stays_known(portal: Portal, ann: Person) -> None:
    user = await portal.user(ann)
    async with portal.store.writing() as rows:
        await sessions.know_only(rows, user, HERE)
        other = msgspec.structs.replace(HERE, browser_hash="e" * 64)
        await sessions.know_only(rows, user, other)
        found = [
            await rows.browsers.is_known(account_hash(ann), browser)
            for browser in ("b" * 64, "e" * 64)
        ]
    assert found == [False, True]


def account_hash(person: Person) -> str:
    attempt = sessions.throttle.Attempt(account=person.email, browser_hash=None, origin=HERE.origin)
    return attempt.account_hash


async def shown(portal: Portal, person: Person, *, this: str | None = None) -> list[sessions.Place]:
    user = await portal.user(person)
    services: Services = portal.services
    async with services.store.reading() as rows:
        found = await sessions.places(
            rows, user, this=this, visitor=HERE, settings=services.settings
        )
    return list(found)


async def test_this_browser_comes_first_then_what_was_used_last(
    portal: Portal, ann: Person
) -> None:
    earlier = NOW - timedelta(minutes=5)
    async with portal.store.writing() as rows:
        for name, seen in (("a" * 64, earlier), ("c" * 64, NOW)):
            session = portal_session(name, subject=ann.subject, seen_at=seen, authenticated_at=seen)
            await rows.portal_sessions.add(session)
    await plant(portal, ann, "laptop", browser_hash="b" * 64, last_used_at=earlier)
    await plant(portal, ann, "phone", last_used_at=earlier)
    found = await shown(portal, ann, this="a" * 64)
    assert [(each.kind, each.is_here) for each in found] == [
        ("portal", True),
        ("login", True),
        ("portal", False),
        ("login", False),
    ]


async def test_what_counts_no_more_is_not_shown(portal: Portal, ann: Person) -> None:
    long_ago = NOW - timedelta(days=2)
    async with portal.store.writing() as rows:
        for name, fields in (
            ("a", {"epoch": 7}),
            ("c", {"seen_at": long_ago}),
            ("d", {"authenticated_at": long_ago}),
        ):
            values = {"subject": ann.subject, "seen_at": NOW, "authenticated_at": NOW} | fields
            await rows.portal_sessions.add(portal_session(name * 64, **values))
    await plant(portal, ann, "void", epoch=7)
    await plant(portal, ann, "once, long ago", remembered=False, last_used_at=long_ago)
    await plant(portal, ann, "gone")
    ended = await end(portal, ann, "gone")
    assert ended is not None
    await sessions.tell(ended, portal.services)
    assert await shown(portal, ann) == []


async def test_what_ory_has_yet_to_hear_of_is_shown_as_ending(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await plant(portal, ann, "phone")
    ended = await end(portal, ann, "phone")
    assert ended is not None
    ory.down()
    await sessions.tell(ended, portal.services)
    (place,) = await shown(portal, ann)
    assert place.ending


@pytest.mark.parametrize(
    ("user_agent", "in_words"),
    [
        (CHROME, "Chrome on Windows"),
        (f"{CHROME} Edg/131.0.0.0", "Edge on Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
            "Safari on an iPhone",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0",
            "Firefox on a Mac",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/131.0.0.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("Mozilla/5.0 (X11; CrOS x86_64) Chrome/131.0 Safari/537.36", "Chrome on ChromeOS"),
        ("python-httpx/0.28.1", "A program"),
        ("something on Linux", "A browser on Linux"),
        ("", "An unknown browser"),
        ("<script>alert(1)</script>", "An unknown browser"),
    ],
)
def test_a_browser_is_told_in_words(user_agent: str, in_words: str) -> None:
    assert browser_in_words(user_agent) == in_words
