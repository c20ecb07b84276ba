"""Samples of the pages of ``device``, in every state that changes their shape."""

from portal.device.flow import NOT_VALID, connected, denied
from portal.device.pages import CodePage, StartPage
from portal.page import Page
from portal.sample_data import CHALLENGE, words


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    return {
        "device": CodePage(challenge=CHALLENGE),
        "device-link": CodePage(challenge=CHALLENGE, code="WDJB-MJHT", came_with_link=True),
        "device-refused": CodePage(
            status=422, challenge=CHALLENGE, code="wdjb mjht", capitals=True, error=words(NOT_VALID)
        ),
        "device-start": StartPage(start_url="https://ory.example.org/oauth2/device/verify"),
        "device-start-unknown": StartPage(),
        "device-connected": connected(),
        "device-denied": denied(),
    }
