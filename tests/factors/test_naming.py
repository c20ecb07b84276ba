"""What factors are called."""

import pytest

from portal.factors import FactorError
from portal.factors.naming import checked_name, device_of

WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            f"Mozilla/5.0 (X11; Linux x86_64) {BLINK}",
            "Chrome, Linux",
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Edg/141.0",
            "Edge, Windows",
        ),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X) {WEBKIT} Version/18 Safari/605", "Safari, Mac"),
        (
            "Mozilla/5.0 (Android 16; Mobile) Gecko/141.0 Firefox/141.0",
            "Firefox, Android",
        ),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5) {WEBKIT} CriOS/141 Mobile", "Chrome, iPhone"),
        ("curl/8.5.0", ""),
        ("", ""),
    ],
)
def test_a_browser_is_named_by_what_people_call_it(agent: str, name: str) -> None:
    assert device_of(agent) == name


def test_a_name_is_kept_if_a_line_can_show_it() -> None:
    assert checked_name("  My \n key ", "x") == "My key"
    assert checked_name("   ", "x") == "x"
    assert checked_name("n" * 64, "x") == "n" * 64
    for refused in ("n" * 65, "\x00", "a\u202eb", "\u200b", "\ud800"):
        with pytest.raises(FactorError):
            checked_name(refused, "x")
