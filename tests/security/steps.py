"""What somebody sees and does on the security pages."""

from datetime import UTC, datetime
from typing import Any

from portal.decisions import login_session_hash
from portal.origin import Origin
from portal.services import Visitor
from portal.sessions import SEALED_FOR
from portal.store.tables import LoginSession
from tests.driver import Browser, Document, words
from tests.fixtures.portal import Portal
from tests.real.portal import Person

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
HERE = Visitor(browser_hash="b" * 64, origin=Origin(address="203.0.113.7"), now=NOW)


async def plant(portal: Portal, person: Person, sid: str, **fields: Any) -> str:
    """A login session of Ory's that *person* has; the hash by which it is known here."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "session_id_hash": login_session_hash(sid),
        "sealed_id": portal.services.sealer.seal(sid, SEALED_FOR),
        "subject": person.subject,
        "acr": "aal1",
        "amr": ["pwd"],
        "authenticated_at": now,
        "epoch": 0,
        "remembered": True,
        "address": "198.51.100.1",
        "user_agent": CHROME,
        "last_used_at": now,
    }
    async with portal.store.writing() as rows:
        await rows.login_sessions.save(LoginSession(**values | fields))
    return login_session_hash(sid)


async def open_security(browser: Browser, portal: Portal) -> Document:
    page = await browser.open(f"{portal.url}/account/security")
    assert page.status == 200, page
    assert page.url.path == "/account/security", page
    return page


async def press(browser: Browser, label: str) -> Document:
    """Press the first button that reads *label*, or begins so."""
    buttons = [b for b in browser.page.root.iter("button") if words(b).startswith(label)]
    assert buttons, f"no button {label!r} on {browser.page}"
    return await browser.submit(buttons[0])


def rows_of(page: Document, section: str) -> list[str]:
    """The items of the list in a section, as they read."""
    title = page.element(section)
    (around,) = [s for s in page.root.iter("section") if title in list(s)]
    return [words(item) for item in around.iter("li")]
