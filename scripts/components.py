"""``docs/components.html``: every component in every state, rendered by the pages' own macros.

From the root of the repository: ``python -m scripts.components``. The page uses the style sheet of
the portal as it lies beside it, so it can be opened as a file.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace as Row
from typing import Final

from jinja2 import ChoiceLoader, FileSystemLoader

from portal.admin.audit_pages import EventRowView
from portal.admin.drift_pages import FoundView
from portal.admin.searching import Choice
from portal.apps import AppView, Link
from portal.claims import Datum
from portal.reconciliation.drift import IMPORTED, REVOKED
from portal.sample_data import JUNE, MARCH, SETUP, TOKEN
from portal.settings import Settings
from portal.web.templating import environment
from portal.welcome.pages import Fact

ROOT: Final = Path(__file__).resolve().parent.parent
TARGET: Final = ROOT / "docs" / "components.html"
TEMPLATE: Final = "components.html"
SETTINGS: Final = {
    "HYDRA_ADMIN_URL": "http://127.0.0.1:4445",
    "BASE_URL": "https://login.example.org",
    "SECRET_KEY": "of-no-use-to-anybody-because-it-is-public",
}
APP: Final = AppView(
    client_id="photos",
    name="Photo Printer",
    initials="PP",
    hosts=("photos.example.org", "print.example.org"),
    links=(
        Link(title="Website", href="https://photos.example.org/", host="photos.example.org"),
        Link(
            title="Privacy policy", href="https://photos.example.org/p", host="photos.example.org"
        ),
    ),
    verified=True,
)
FACTS: Final = (
    Fact(state="done", words="Ory answers"),
    Fact(
        state="to do",
        words="No app is registered yet",
        advice="An app has to be registered before people can sign in to it.",
        command="portal clients create",
    ),
    Fact(
        state="trouble",
        words="Ory refuses the API key",
        advice="Set ORY_API_KEY to a key of this project.",
        link="/account/security",
        button="Set one up",
    ),
)
BADGES: Final = (
    "admin disabled unverified locked expired protected",
    "admin",
)


EVENTS: Final = (
    EventRowView(
        id="0197c0de-0000-7000-8000-000000000001",
        at=MARCH,
        action="consent.allowed",
        actor="0197c0de",
        actor_text="ann@example.org",
        subject="0197c0de",
        email="ann@example.org",
        client_id="photos",
        app_name="Photo Printer",
        address="203.0.113.7",
        user_agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0",
    ),
    EventRowView(id="0197c0de-0000-7000-8000-000000000002", at=JUNE, action="user.created"),
)
FOUND: Final = (
    FoundView(
        person="ann@example.org",
        client_id="photos",
        app_name="Photo Printer",
        kind=IMPORTED,
        at=MARCH,
        permissions=("openid", "photos.read"),
    ),
    FoundView(client_id="minutes", app_name="Minutes", kind=REVOKED, at=JUNE),
)
SHOWN: Final = (
    Datum(label="E-mail", value="ann@example.org", note="confirmed"),
    Datum(label="Name", value="Ann Example"),
    Datum(label="Department"),
)


def rendered() -> str:
    """The page."""
    env = environment(Settings.from_env(SETTINGS))
    env.loader = ChoiceLoader([FileSystemLoader(Path(__file__).parent), *env.loader.loaders])  # type: ignore[union-attr]  # it is one of ours
    env.globals |= {
        "asset": lambda name: f"../portal/static/{name}",
        "path": lambda to: f"#{to}",
    }
    names = ("admin", "disabled", "unverified", "locked", "expired", "protected")
    html = env.get_template(TEMPLATE).render(
        page=Row(account="ann@example.org", is_admin=True),
        here=None,
        form_token=lambda *_: "",
        app=APP,
        facts=FACTS,
        people=[Row(**{name: name in had.split() for name in names}) for had in BADGES],
        choice=Choice(
            name="sample-state", label="State", options=(("", "All"), ("a", "Active")), chosen="a"
        ),
        chips=(
            Row(label="User", text="ann@example.org", url="/"),
            Row(label="State", text="Active", url="/"),
        ),
        link=Row(token=TOKEN, asks_for_address=True, email="", address_problem=None),
        person=Row(
            email="ann@example.org", email_verified=False, moving_to="ann.example@example.org"
        ),
        setup=SETUP,
        codes=("abcd-efgh-2345", "ijkl-mnop-6789"),
        events=EVENTS,
        found=FOUND,
        shown=SHOWN,
        grants=_grants(),
        states=("active", "pending", "expired", "revoked", "at_ory"),
        boxes=[
            Row(value="a", text="Read", chosen=True),
            Row(value="b", text="Write", chosen=False),
        ],
    )
    return html.rstrip() + "\n"


def _grants() -> Iterator[Row]:
    """Of each state."""
    some = Row(state="active", state_text="Active", remembered=True, expires=None, ended=None)
    for change in (
        {},
        {"expires": JUNE},
        {"remembered": False},
        {"state": "expired", "state_text": "Expired", "expires": MARCH},
        {"state": "revoked", "state_text": "Removed", "ended": MARCH},
    ):
        yield Row(**(vars(some) | change))


def main() -> int:
    """Write it."""
    TARGET.write_text(rendered(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
