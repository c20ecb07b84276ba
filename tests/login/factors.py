"""People's second factors, and what they do with them on the pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp

from portal.factors import passkeys, recovery
from portal.factors.standing import Standing
from portal.origin import Origin
from portal.services import Visitor
from portal.store.tables import ClientPolicy, LoginSession, TotpFactor
from tests.doubles.authenticator import Authenticator
from tests.driver import Browser, Document
from tests.factors.steps import nothing_ends
from tests.fixtures.portal import Portal
from tests.real.portal import Person


async def give_app(portal: Portal, person: Person) -> pyotp.TOTP:
    """An authenticator app of *person*."""
    app = pyotp.TOTP(pyotp.random_base32())
    sealed = portal.services.sealer.seal(app.secret, f"one-time codes of {person.subject}")
    factor = TotpFactor(
        id=f"app-of-{person.subject}"[:36],
        subject=person.subject,
        sealed_secret=sealed,
        name="Phone",
        created_at=datetime.now(UTC),
    )
    async with portal.store.writing() as rows:
        await rows.totp_factors.add(factor)
    return app


async def give_codes(portal: Portal, person: Person) -> tuple[str, ...]:
    """Recovery codes of *person*."""
    visitor = Visitor(browser_hash=None, origin=Origin(), now=datetime.now(UTC))
    user = await portal.user(person)
    return await recovery.make_codes(portal.services, user, visitor=visitor, settle=nothing_ends)


async def give_passkey(portal: Portal, person: Person, **fields: Any) -> Authenticator:
    """A passkey of *person*; *fields* as of the authenticator."""
    user, asked = await portal.user(person), b"c" * 47 + person.subject.encode()
    key = Authenticator(**fields)
    await passkeys.register(
        portal.services,
        user,
        credential=key.create(
            asked, passkeys.creation_options(user, Standing(), settings=portal.settings)
        ),
        challenge=asked,
        name="",
        visitor=Visitor(browser_hash=None, origin=Origin(), now=datetime.now(UTC)),
        settle=nothing_ends,
    )
    return key


async def use_passkey(browser: Browser, key: Authenticator) -> Document:
    """Press the button, as the page's script does when the key has answered."""
    form = browser.page.element("passkey-form")
    fields = {i.get("name"): i for i in form.iter("input")}
    token = fields["form_token"].get("value", "")
    fields["credential"].set("value", key.get(passkeys.challenge_of(token)))
    (button,) = form.iter("button")
    return await browser.submit(button)


async def demand(portal: Portal, client_id: str = "photos", acr: str | None = "aal2") -> None:
    """The operator demands a second factor of whoever signs in to the app."""
    policy = ClientPolicy(
        client_id=client_id,
        required_scopes=[],
        required_acr=acr,
        updated_at=datetime.now(UTC),
        updated_by="cli",
    )
    async with portal.store.writing() as rows:
        await rows.policies.save(policy)


async def expire_password(portal: Portal, person: Person) -> None:
    async with portal.store.writing() as rows:
        await rows.users.expire_password(person.subject, datetime.now(UTC))


async def type_code(browser: Browser, code: str) -> Document:
    browser.fill("code", code)
    return await browser.click("accept")


async def type_recovery_code(browser: Browser, code: str) -> Document:
    browser.fill("recovery_code", code)
    return await browser.click("recover")


def wrong(app: pyotp.TOTP) -> str:
    """A code that the app does not show around now."""
    now = datetime.now(UTC)
    near = {app.at(now + timedelta(seconds=30 * n)) for n in range(-3, 4)}
    return next(code for n in range(10) if (code := str(n) * 6) not in near)


async def login_session(portal: Portal, session_id_hash: str) -> LoginSession | None:
    async with portal.store.reading() as rows:
        return await rows.login_sessions.find(session_id_hash)
