"""Samples of the pages of ``welcome``, in every state that changes their shape."""

from portal.page import Page
from portal.sample_data import words
from portal.welcome.pages import Fact, WelcomePage


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    return {
        "welcome": WelcomePage(),
        "welcome-logged-out": WelcomePage(logged_out=True),
        "welcome-development": WelcomePage(development=True),
        "welcome-named": WelcomePage(site="Example Club", may_register=True),
        "welcome-account": WelcomePage(site="Example Club", account="ann@example.org"),
        "welcome-admin": WelcomePage(
            account="ann@example.org",
            is_admin=True,
            checklist=(
                Fact(state="done", words=words("Ory answers")),
                Fact(
                    state="missing",
                    words=words("No app is registered yet"),
                    advice=words("An app has to be registered before people can sign in to it."),
                    command="portal clients create --name …",
                ),
                Fact(
                    state="trouble",
                    words=words("You have no second factor"),
                    link="/account/security",
                    button=words("Set one up"),
                ),
            ),
        ),
    }
