"""Samples of the pages of ``welcome``, in every state that changes their shape."""

from typing import Final

from portal.page import Page
from portal.welcome.pages import Fact, WelcomePage

SAMPLES: Final[dict[str, Page]] = {
    "welcome": WelcomePage(),
    "welcome-logged-out": WelcomePage(logged_out=True),
    "welcome-development": WelcomePage(development=True),
    "welcome-named": WelcomePage(site="Example Club", may_register=True),
    "welcome-account": WelcomePage(site="Example Club", account="ann@example.org"),
    "welcome-admin": WelcomePage(
        account="ann@example.org",
        is_admin=True,
        checklist=(
            Fact(state="done", words="Ory answers"),
            Fact(
                state="missing",
                words="No app is registered yet",
                advice="An app has to be registered first.",
                command="portal clients create --name …",
            ),
            Fact(
                state="trouble",
                words="You have no second factor",
                link="/account/security",
                button="Set one up",
            ),
        ),
    ),
}
