"""``docs/components.html``: every component in every state, rendered by the pages' own macros.

From the root of the repository: ``python -m scripts.components``. The page uses the style sheet of
the portal as it lies beside it, so it can be opened as a file.
"""

import sys
from pathlib import Path
from types import SimpleNamespace as Row
from typing import Final

from jinja2 import ChoiceLoader, FileSystemLoader

from portal.admin.searching import Choice
from portal.apps import AppView, Link
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
        states=("active", "pending", "expired", "revoked", "at_ory"),
        boxes=[
            Row(value="a", text="Read", chosen=True),
            Row(value="b", text="Write", chosen=False),
        ],
    )
    return html.rstrip() + "\n"


def main() -> int:
    """Write it."""
    TARGET.write_text(rendered(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
