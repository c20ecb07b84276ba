"""No change without its event: where the event cannot be written, nothing is changed (T43)."""

import re
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from portal import accounts, bulk, expiry
from portal.account import flow as account
from portal.account.forms import AppForm, ChangeForm
from portal.admin.client_desk import Desk
from portal.admin.client_registration import new_form
from portal.consent import flow as consent
from portal.consent.forms import ConsentForm
from portal.login import flow as login
from portal.login.forms import LoginForm
from portal.logout import flow as logout
from portal.origin import Origin
from portal.resources import resource_dir
from portal.revocations import remove_access
from portal.services import Visitor
from portal.store import Selection, StoreError
from portal.store.audit import ACTIONS
from portal.store.tables import ClientPolicy
from tests.doubles.ory import OryDouble
from tests.fixtures.portal import Portal
from tests.real.portal import Person

NOW = datetime.now(UTC)
VISITOR = Visitor(
    browser_hash="b" * 64, origin=Origin(address="203.0.113.7", user_agent="Firefox"), now=NOW
)
CHANGED = (
    "users", "grants", "revocations", "client_policies", "login_sessions", "portal_sessions",
    "bulk_revocations", "reconciliations", "audit_events",
)  # fmt: skip
"""Everything that an event can tell about; counting tries and noting that a link was opened goes on
its own."""


class Scene:
    """Ann, who has two apps connected, an administrator, and one thing that is about to happen."""

    def __init__(self, portal: Portal, ory: OryDouble, ann: Person, admin: Person) -> None:
        self.portal, self.ory, self.ann, self.admin = portal, ory, ann, admin
        self.given: dict[str, Any] = {"visitor": VISITOR, "services": portal.services}

    def ask(self, *scopes: str, **fields: Any) -> str:
        return self.ory.plant_consent(
            subject=self.ann.subject,
            context={"epoch": 0},
            requested_scope=list(scopes),
            **fields,
        )

    async def decide(self, *ticked: str, action: str = "accept", challenge: str = "") -> None:
        values = {
            "consent_challenge": challenge or self.ask("openid", "email", "profile"),
            "action": action,
            "grant_scope": ticked,
        }
        await consent.decide(msgspec.convert(values, ConsentForm), **self.given)

    async def allow(self) -> None:
        await self.decide("openid", "email", "profile")

    async def deny(self) -> None:
        await self.decide(action="reject")

    async def narrow_at_consent(self) -> None:
        await self.decide("openid")

    async def give_silently(self) -> None:
        await consent.begin(self.ask("openid", skip=True), **self.given)

    async def refuse(self) -> None:
        url = f"{self.ory.public_url}/oauth2/auth?client_id=photos&prompt=none"
        await consent.begin(self.ask("address", request_url=url), **self.given)

    async def sign_in(self) -> None:
        form = LoginForm(
            login_challenge=self.ory.plant_login(),
            email=self.ann.email,
            password=self.ann.password,
            action="accept",
        )
        await login.decide(form, **self.given)

    async def cancel(self) -> None:
        form = LoginForm(login_challenge=self.ory.plant_login(), action="reject")
        await login.decide(form, **self.given)

    async def sign_in_here(self) -> None:
        form = LoginForm(email=self.ann.email, password=self.ann.password, action="accept")

        async def begin_session(*_: object, **__: object) -> None:
            """The session is the controller's."""

        await login.sign_in_to_portal(form, begin_session=begin_session, **self.given)

    async def leave(self) -> None:
        await logout.leave(await self.portal.user(self.ann), **self.given)

    async def disconnect(self) -> None:
        user = await self.portal.user(self.ann)
        await account.disconnect(AppForm(client_id="photos"), user, **self.given)

    async def narrow(self) -> None:
        user = await self.portal.user(self.ann)
        page = await account.ask_what_to_leave(user, "photos", **self.given)
        form = ChangeForm(client_id="photos", seen=page.seen, grant_scope=("openid",))
        await account.narrow(form, user, **self.given)

    async def take_away(self) -> None:
        grant = await self.portal.grant(self.ann)
        assert grant is not None
        await remove_access(
            self.portal.services,
            grant=grant,
            user="",
            actor=self.admin.subject,
            reason="admin",
            visitor=VISITOR,
        )

    async def take_away_from_all(self) -> None:
        await bulk.start(
            self.portal.services,
            selection=Selection(),
            words={},
            matched=2,
            actor=self.admin.subject,
            by=self.admin.email,
            visitor=VISITOR,
        )

    async def expire(self) -> None:
        await expiry.write_down(self.portal.services, now=NOW)

    async def shut_out(self) -> None:
        subject = self.ann.subject
        await accounts.disable_user(self.portal.store, subject, now=NOW, actor="cli")

    async def set_password(self) -> None:
        await accounts.set_password(
            self.portal.store,
            self.portal.services.passwords,
            self.ann.subject,
            password="another long password of hers",
            min_length=8,
            now=NOW,
            actor="cli",
        )

    async def create_user(self) -> None:
        await accounts.create_user(
            self.portal.store,
            self.portal.services.passwords,
            email="carl@example.org",
            password="another long password of his",
            min_length=8,
            now=NOW,
            actor="cli",
        )

    async def change_policy(self) -> None:
        admin = await self.portal.user(self.admin)
        desk = Desk(self.portal.services, admin=admin, visitor=VISITOR)
        form = new_form("new")
        await desk.create(msgspec.structs.replace(form, client_name="New", verified=True))


Happening = Callable[[Scene], Awaitable[None]]
HAPPENINGS: list[tuple[Happening, str]] = [
    (Scene.allow, "consent.allowed"),
    (Scene.deny, "consent.denied"),
    (Scene.narrow_at_consent, "consent.allowed"),
    (Scene.give_silently, "grant.used"),
    (Scene.refuse, "consent.refused"),
    (Scene.sign_in, "login.succeeded"),
    (Scene.cancel, "login.rejected"),
    (Scene.sign_in_here, "portal.signed_in"),
    (Scene.leave, "logout.completed"),
    (Scene.disconnect, "grant.revoked"),
    (Scene.narrow, "grant.narrowed"),
    (Scene.take_away, "grant.revoked"),
    (Scene.take_away_from_all, "bulk.started"),
    (Scene.expire, "grant.expired"),
    (Scene.shut_out, "user.disabled"),
    (Scene.set_password, "user.password_set"),
    (Scene.create_user, "user.created"),
]
AFTER_ORY: list[tuple[Happening, str]] = [
    (Scene.change_policy, "client.created"),
    (Scene.change_policy, "policy.changed"),
]
"""Ory is told first."""
NOT_FROM_A_BROWSER = {"user.disabled", "user.password_set", "user.created", "grant.expired"}


def name_of(value: Any) -> str:
    return getattr(value, "__name__", "")


@pytest.fixture
async def scene(portal: Portal, ory: OryDouble, ann: Person, admin: Person) -> Scene:
    kept = {"hydra_scopes": ["openid", "email"], "listable": True}
    await portal.add_grant(ann, **kept)
    await portal.add_grant(ann, "notes", expires_at=NOW)
    ory.plant_consent_session(ann.subject, "photos", grant_scope=["openid", "email"])
    return Scene(portal, ory, ann, admin)


def database(portal: Portal) -> sqlite3.Connection:
    return sqlite3.connect(portal.settings.database_url.removeprefix("sqlite:///"))


def state(portal: Portal) -> dict[str, list[Any]]:
    connection = database(portal)
    try:
        found = {}
        for table in (*CHANGED, "flows WHERE state <> 'open'"):
            rows = connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - ours, as above
            found[table] = rows.fetchall()
        return found
    finally:
        connection.close()


@pytest.mark.parametrize(("happening", "action"), HAPPENINGS, ids=name_of)
async def test_what_cannot_be_written_into_the_trail_does_not_happen(
    scene: Scene, happening: Happening, action: str
) -> None:
    connection = database(scene.portal)
    connection.execute(
        f"CREATE TRIGGER full BEFORE INSERT ON audit_events WHEN NEW.action = '{action}' "
        "BEGIN SELECT RAISE(ABORT, 'no room'); END"
    )
    connection.commit()
    before = state(scene.portal)
    with pytest.raises(StoreError):
        await happening(scene)
    assert state(scene.portal) == before
    assert scene.ory.decisions == []
    assert scene.ory.deletions == []
    connection.execute("DROP TRIGGER full")
    connection.commit()
    connection.close()
    await happening(scene)  # or the test would say nothing
    assert action in await scene.portal.actions()
    assert state(scene.portal) != before


@pytest.mark.parametrize(("happening", "action"), [*HAPPENINGS, *AFTER_ORY], ids=name_of)
async def test_an_event_says_who_did_it_and_from_where(
    scene: Scene, happening: Happening, action: str
) -> None:
    await happening(scene)
    async with scene.portal.store.reading() as rows:
        events = (await rows.audit.list_page(after=None, limit=50)).events
    (event,) = [event for event in events if event.action == action]
    by_nobody = action == "login.rejected"
    assert event.actor is None if by_nobody else event.actor in who(scene)
    known = event.action not in NOT_FROM_A_BROWSER
    assert (event.address, event.user_agent) == (("203.0.113.7", "Firefox") if known else ("", ""))
    if event.actor == scene.ann.subject:
        assert event.subject == scene.ann.subject


def who(scene: Scene) -> set[str | None]:
    return {scene.ann.subject, scene.admin.subject, "cli", "system"}


async def test_a_policy_that_is_not_written_down_is_not_in_force(scene: Scene) -> None:
    """Ory is told first about an app; what the portal itself decides about it is not half done."""
    connection = database(scene.portal)
    connection.execute(
        "CREATE TRIGGER full BEFORE INSERT ON audit_events "
        "BEGIN SELECT RAISE(ABORT, 'no room'); END"
    )
    connection.commit()
    connection.close()
    with pytest.raises(StoreError):
        await scene.change_policy()
    async with scene.portal.store.reading() as rows:
        policy: ClientPolicy | None = await rows.policies.find("new")
    assert policy is None


def test_operators_can_read_what_is_recorded() -> None:
    """docs/audit.md: every action, in the order of the code."""
    page = (resource_dir("templates").parent / "docs" / "audit.md").read_text()
    assert re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", page, re.MULTILINE) == list(ACTIONS)
