"""What factors are called."""

from datetime import UTC, datetime

import pytest

from portal.factors import FactorError
from portal.factors.naming import checked_name, default_name
from portal.origin import Origin
from portal.services import Visitor

BLINK = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (f"Mozilla/5.0 (X11; Linux x86_64) {BLINK}", "Passkey, Chrome on Linux, 3 May 2026"),
        ("", "Passkey, 3 May 2026"),
        ("\u202e" * 500, "Passkey, 3 May 2026"),
    ],
)
def test_a_factor_without_a_name_is_called_by_browser_and_day(agent: str, name: str) -> None:
    visitor = Visitor(
        browser_hash=None,
        origin=Origin(user_agent=agent),
        now=datetime(2026, 5, 3, 23, 59, tzinfo=UTC),
    )
    assert default_name("Passkey", visitor) == name


def test_a_name_is_kept_if_a_line_can_show_it() -> None:
    assert checked_name("  My \n key ", "x") == "My key"
    assert checked_name("   ", "x") == "x"
    assert checked_name("n" * 64, "x") == "n" * 64
    for refused in ("n" * 65, "\x00", "a\u202eb", "\u200b", "\ud800"):
        with pytest.raises(FactorError):
            checked_name(refused, "x")
