"""Samples of the pages of ``logout``, in every state that changes their shape."""

from portal.logout.pages import DonePage, LogoutPage
from portal.page import Page
from portal.sample_data import CHALLENGE, photos, stale, words


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    return {
        "logout": LogoutPage(challenge=CHALLENGE, app=photos(), account="ann@example.org"),
        "logout-portal": LogoutPage(account="ann@example.org"),
        "logout-refused": LogoutPage(
            status=403, challenge=CHALLENGE, account="ann@example.org", error=stale()
        ),
        "done": DonePage(
            title=words("You are signed out."),
            message=words("There is nothing left to do. You can close this page."),
        ),
        "done-app": DonePage(
            title=words("Nothing was changed"),
            message=words(
                "Nothing was changed. You can go back to where you were, or close this page."
            ),
            app=photos(),
        ),
    }
