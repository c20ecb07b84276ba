"""A sample of every page in every state that changes its shape: for tests, for pictures, and for
whoever changes templates (``portal theme check``).

The samples themselves stand beside the pages.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec

from portal import i18n
from portal.account import samples as account
from portal.address import samples as address
from portal.admin import samples as admin
from portal.admin import user_samples as people
from portal.consent import samples as consent
from portal.device import samples as device
from portal.enrolment import samples as enrolment
from portal.login import samples as login
from portal.logout import samples as logout
from portal.page import Page
from portal.profile import samples as profile
from portal.recovery import samples as recovery
from portal.registration import samples as registration
from portal.security import samples as security
from portal.strength import samples as strength
from portal.web import samples as problems
from portal.welcome import samples as welcome

ADDRESSES: Final = {
    *("href", "switch_url", "start_again", "start_url", "next_url", "url"),
    *("first_url", "export_urls", "remove_all_url", "back_url", "uri"),
}
"""Fields that are checked to be addresses before a page gets them; only their tails are free."""


def _gathered() -> Iterator[tuple[str, Page]]:
    for feature in (
        account,
        address,
        admin,
        people,
        consent,
        device,
        enrolment,
        login,
        logout,
        profile,
        recovery,
        registration,
        security,
        strength,
        problems,
        welcome,
    ):
        yield from feature.samples().items()


@lru_cache(maxsize=len(i18n.LANGUAGES))
def in_language(tag: str) -> dict[str, Page]:
    """All samples, with everything that the portal says in them in the language of *tag*."""
    with i18n.speaking(tag):
        return dict(_gathered())


SAMPLES: Final[dict[str, Page]] = in_language(i18n.DEFAULT)
"""The English ones, for whom the language is all one to."""


def fill(value: Any, text: str) -> Any:
    """Put *text* into every piece of text of a page, wherever it came from."""
    return _map(value, lambda name, old: f"{old}#{text}" if name in ADDRESSES else text)


def _map(value: Any, change: Callable[[str, str], str], name: str = "") -> Any:
    if isinstance(value, str):
        return change(name, value) if value else value
    if isinstance(value, tuple):
        return tuple(_map(item, change, name) for item in value)
    if isinstance(value, msgspec.Struct):
        fields = {f: _map(getattr(value, f), change, f) for f in value.__struct_fields__}
        return msgspec.structs.replace(value, **fields)
    return value
