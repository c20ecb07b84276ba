"""In step with Ory: whatever was changed there behind the portal's back is found and put right."""

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from portal.store import Store
from portal.store.tables import GrantRecord
from tests.driver import Browser, successful
from tests.fixtures.hydra import NewApp
from tests.journeys.conftest import NewBrowser
from tests.journeys.steps import code_at, connect, is_consent, open_portal, sign_in
from tests.real.faults import FaultProxy
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App

Found = list[tuple[str, str]]
LONG_AGO = datetime.now(UTC) - timedelta(hours=2)


@pytest.fixture
def app(new_app: NewApp) -> App:
    """With a name that no other app has, so that a page can be searched for it."""
    return new_app(client_name=f"Albums {secrets.token_hex(4)}")


@pytest.fixture
def eve(portal: RealPortal) -> Person:
    """Somebody whom no other test knows."""
    return portal.create_user(f"eve-{secrets.token_hex(4)}@example.org")


def reconcile(portal: RealPortal, person: Person, *flags: str) -> Found:
    """What the command finds about *person*: kind and client."""
    answer = portal.cli("grants", "reconcile", *flags, "--format", "json")
    found = json.loads(answer)["drift"]
    return [(d["kind"], d["client_id"]) for d in found if d["subject"] == person.subject]


async def grant_of(portal: RealPortal, person: Person, app: App, **change: Any) -> GrantRecord:
    """The grant as it is kept; with *change*, as if time had passed or a backup was restored."""
    store = Store(portal.database_url)
    try:
        async with store.writing() as rows:
            grant = await rows.grants.find(person.subject, app.client_id, lock=True)
            assert grant is not None
            for name, value in change.items():
                setattr(grant, name, value)
            if change:
                await rows.grants.save(grant)
        return grant
    finally:
        await store.dispose()


async def connect_elsewhere(
    browser: Browser, portal: RealPortal, app: App, person: Person, *scopes: str
) -> dict[str, Any]:
    """As by another login app, which answers Ory itself and knows nothing of decision ids."""

    async def accept(kind: str, body: dict[str, Any]) -> None:
        challenge = browser.page.query[f"{kind}_challenge"]
        answer = portal.hydra.http.put(
            f"{portal.hydra.admin_url}/admin/oauth2/auth/requests/{kind}/accept",
            params={f"{kind}_challenge": challenge},
            json=body,
        )
        assert answer.status_code == 200, answer.text
        await browser.open(answer.json()["redirect_to"])

    await browser.open(app.authorize_url(" ".join(scopes)))
    await accept("login", {"subject": person.subject})
    await accept("consent", {"grant_scope": list(scopes), "remember": True})
    return app.exchange(code_at(browser.page, app))


@pytest.mark.parametrize("flags", ["one", "everybody"])
async def test_a_consent_that_was_deleted_at_ory_ends_here(
    browser: Browser, app: App, portal: RealPortal, eve: Person, flags: str
) -> None:
    which = ("--subject", eve.subject) if flags == "one" else ()
    await connect(browser, app, eve, "openid", "offline", remember=True)
    assert reconcile(portal, eve, *which) == []
    assert (await grant_of(portal, eve, app)).listed_at is not None
    portal.hydra.revoke_consent(eve.subject, app.client_id)
    assert reconcile(portal, eve, *which) == [], "an accept may still be on its way"
    await grant_of(portal, eve, app, last_accept_at=LONG_AGO, granted_at=LONG_AGO)
    assert reconcile(portal, eve, *which) == [("grant.revoked_at_ory", app.client_id)]
    grant = await grant_of(portal, eve, app)
    assert grant.revoke_reason == "revoked at Ory"
    assert grant.revoke_synced_at is not None
    assert reconcile(portal, eve, *which) == []
    await browser.open(app.authorize_url("openid offline"))
    await sign_in(browser, eve)
    assert is_consent(browser.page)


async def test_a_client_that_was_deleted_at_ory_ends_here(
    browser: Browser, app: App, portal: RealPortal, eve: Person
) -> None:
    await connect(browser, app, eve, "openid", remember=True)
    client = f"{portal.hydra.admin_url}/admin/clients/{app.client_id}"
    assert portal.hydra.http.delete(client).status_code == 204
    which = ("--subject", eve.subject)
    assert reconcile(portal, eve, *which) == [("client.deleted", app.client_id)]
    assert (await grant_of(portal, eve, app)).revoke_reason == "client deleted"
    assert reconcile(portal, eve, *which) == []


async def test_a_consent_by_another_login_app_is_shown_and_can_be_revoked(
    browser: Browser, new_browser: NewBrowser, app: App, portal: RealPortal, eve: Person
) -> None:
    tokens = await connect_elsewhere(browser, portal, app, eve, "openid", "offline", "email")
    which = ("--subject", eve.subject)
    assert reconcile(portal, eve, *which, "--dry-run") == [("grant.imported", app.client_id)]
    assert reconcile(portal, eve, *which) == [("grant.imported", app.client_id)]
    assert reconcile(portal, eve, *which) == []
    grant = await grant_of(portal, eve, app)
    assert set(grant.scopes) == {"openid", "offline", "email"}
    assert grant.remembered_scopes == []
    page = await open_portal(await new_browser(), portal, "/account/apps", eve)
    assert app.name in page.text
    assert app.is_active(tokens["access_token"])
    portal.cli("grants", "revoke", "--user", eve.email, "--client", app.client_id)
    assert not app.is_active(tokens["access_token"])
    assert app.refresh(tokens["refresh_token"]).status_code >= 400
    assert reconcile(portal, eve, *which) == []


async def test_more_that_another_login_app_gave_is_shown_and_never_given_silently(
    browser: Browser, new_browser: NewBrowser, app: App, portal: RealPortal, eve: Person
) -> None:
    await connect(browser, app, eve, "openid", remember=True)
    tokens = await connect_elsewhere(await new_browser(), portal, app, eve, "openid", "email")
    which = ("--subject", eve.subject)
    assert reconcile(portal, eve, *which) == [("grant.widened", app.client_id)]
    grant = await grant_of(portal, eve, app)
    assert (grant.scopes, grant.remembered_scopes) == (["openid", "email"], ["openid"])
    assert reconcile(portal, eve, *which) == []
    portal.cli("grants", "revoke", "--subject", eve.subject, "--client", app.client_id)
    assert not app.is_active(tokens["access_token"])
    assert reconcile(portal, eve, *which) == []


async def test_an_accept_whose_browser_never_came_back_never_came_to_be(
    browser: Browser, app: App, portal: RealPortal, eve: Person
) -> None:
    await browser.open(app.authorize_url("openid"))
    page = await sign_in(browser, eve)
    browser.choose("grant_scope", "openid")
    form = page.form_around(page.element("accept"))
    fields = [*successful(form), ("action", "accept")]
    assert await browser.send_and_look_away(form.get("action", ""), fields) == 303
    which = ("--subject", eve.subject)
    assert reconcile(portal, eve, *which) == []
    await grant_of(portal, eve, app, last_accept_at=LONG_AGO, granted_at=LONG_AGO)
    assert reconcile(portal, eve, *which) == [("grant.abandoned", app.client_id)]
    assert (await grant_of(portal, eve, app)).revoke_reason == "never completed"
    assert reconcile(portal, eve, *which) == []


async def test_what_was_revoked_here_and_lives_at_ory_is_deleted_again(
    browser: Browser, app: App, portal: RealPortal, eve: Person
) -> None:
    tokens = await connect(browser, app, eve, "openid", "offline", remember=True)
    over = datetime.now(UTC) + timedelta(seconds=1)
    await grant_of(portal, eve, app, revoked_at=over, revoke_synced_at=over, revoke_reason="user")
    assert app.is_active(tokens["access_token"])
    which = ("--subject", eve.subject)
    assert reconcile(portal, eve, *which) == [("grant.revived", app.client_id)]
    assert not app.is_active(tokens["access_token"])
    assert app.refresh(tokens["refresh_token"]).status_code >= 400
    assert portal.hydra.consent_sessions(eve.subject) == []
    assert reconcile(portal, eve, *which) == []


async def test_the_running_portal_compares_everybody_at_an_administrators_word(
    browser: Browser,
    new_browser: NewBrowser,
    app: App,
    portal: RealPortal,
    eve: Person,
    admin: Person,
    fault_proxy: FaultProxy,
) -> None:
    """Also when Ory is away at first: then it waits, says so, and goes on."""
    await connect_elsewhere(browser, portal, app, eve, "openid")
    fault_proxy.down()
    desk = await new_browser()
    await open_portal(desk, portal, "/admin/grants/drift", admin)
    await desk.click("compare")
    with anyio.fail_after(20):
        while "Ory does not answer" not in desk.page.text:
            await anyio.sleep(0.2)
            await desk.open(f"{portal.url}/admin/grants/drift")
    fault_proxy.heal()
    assert portal.cli("grants", "reconcile", "--format", "json"), "it does not have to wait"
    page = await desk.open(f"{portal.url}/admin/grants/drift")
    assert "Done" in page.text
    assert eve.email in page.text
    await connect_elsewhere(await new_browser(), portal, app, eve, "openid", "email")
    await desk.click("compare")
    with anyio.fail_after(20):
        while (await grant_of(portal, eve, app)).scopes == ["openid"]:  # noqa: ASYNC110 - of another process
            await anyio.sleep(0.2)
    await every_listed_consent_can_be_seen(portal, eve, app)


async def every_listed_consent_can_be_seen(portal: RealPortal, person: Person, *apps: App) -> None:
    """What Ory lists is living here, with all of its scopes."""
    living = {app.client_id: await grant_of(portal, person, app) for app in apps}
    for session in portal.hydra.consent_sessions(person.subject):
        grant = living[session["consent_request"]["client"]["client_id"]]
        assert grant.revoked_at is None
        assert set(session["grant_scope"]) <= set(grant.scopes)
