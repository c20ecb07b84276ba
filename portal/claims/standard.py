"""The standard claims about a person (OpenID Connect Core, 5.1): what a value may be, and which a
person may edit.

A value goes by a flat name: parts of the address are ``address.locality`` and so on. They are
stored in ``users.profile`` by the names of the standard, the name in a column of its own.
"""

import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from portal.attributes import ValueProblemError
from portal.claim_names import ADDRESS_PARTS
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.store.tables import User

Kind = Literal["text", "lines", "url", "tel"]
MAX_TEXT: Final = 255
MAX_URL: Final = 500
_LANGUAGE_TAG: Final = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<rest>(?:-[a-z0-9]{5,8}|-[0-9][a-z0-9]{3}|-[a-wyz](?:-[a-z0-9]{2,8})+)*)",
    re.ASCII | re.IGNORECASE,
)
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", re.ASCII)
_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_BIRTHDATE: Final = re.compile(r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})-(?P<day>[0-9]{2}))?")
_LEAP: Final = 2000
_YES: Final = frozenset({"yes", "true", "1", "on"})
_NO: Final = frozenset({"no", "false", "0", "off"})


class ClaimValueError(ValueProblemError):
    """A value that a claim cannot have; the message is for whoever gave it."""


class ProfileField(msgspec.Struct, frozen=True, kw_only=True):
    """One claim that a person may edit, as a form shows it."""

    name: str
    """Of the claim, and of the control; ``address.locality`` is a part of the address."""
    title: str
    """In English; people read :attr:`label`."""
    kind: Kind = "text"
    """``lines`` may have several."""
    autocomplete: str = "off"
    advice: str = ""

    @property
    def label(self) -> str:
        """What people call it."""
        return _(self.title)

    @property
    def hint(self) -> str:
        """How a value is typed, where that is not plain."""
        return _(self.advice)


FIELDS: Final[tuple[ProfileField, ...]] = (
    ProfileField(name="name", title=N_("Full name"), autocomplete="name"),
    ProfileField(name="given_name", title=N_("First name"), autocomplete="given-name"),
    ProfileField(name="middle_name", title=N_("Middle name"), autocomplete="additional-name"),
    ProfileField(name="family_name", title=N_("Last name"), autocomplete="family-name"),
    ProfileField(name="nickname", title=N_("Nickname"), autocomplete="nickname"),
    ProfileField(
        name="birthdate",
        title=N_("Date of birth"),
        autocomplete="bday",
        advice=N_("As 1990-12-31. The year alone will do, or 0000-12-31 without it."),
    ),
    ProfileField(
        name="gender", title=N_("Gender"), autocomplete="sex", advice=N_("In your own words.")
    ),
    ProfileField(
        name="phone_number",
        title=N_("Phone number"),
        kind="tel",
        autocomplete="tel",
        advice=N_("With the country's code, as +49 30 123456."),
    ),
    ProfileField(
        name="address.street_address",
        title=N_("Street and number"),
        kind="lines",
        autocomplete="street-address",
    ),
    ProfileField(name="address.postal_code", title=N_("Postal code"), autocomplete="postal-code"),
    ProfileField(name="address.locality", title=N_("City"), autocomplete="address-level2"),
    ProfileField(name="address.region", title=N_("State or region"), autocomplete="address-level1"),
    ProfileField(name="address.country", title=N_("Country"), autocomplete="country-name"),
    ProfileField(
        name="picture",
        title=N_("Address of a picture of you"),
        kind="url",
        autocomplete="photo",
        advice=N_("Begins with https://"),
    ),
    ProfileField(
        name="profile",
        title=N_("Address of your profile page"),
        kind="url",
        advice=N_("Begins with https://"),
    ),
    ProfileField(
        name="website",
        title=N_("Your website"),
        kind="url",
        autocomplete="url",
        advice=N_("Begins with https://"),
    ),
    ProfileField(
        name="locale",
        title=N_("Language"),
        autocomplete="language",
        advice=N_("As en, de-AT or pt-BR."),
    ),
    ProfileField(name="zoneinfo", title=N_("Time zone"), advice=N_("As Europe/Berlin.")),
)
"""What people may say of themselves, in the order of the page. ``preferred_username`` is not among
it, because apps take people for one another by it; whether a number is verified is nobody's to say
about their own."""
EDITABLE: Final = frozenset(field.name for field in FIELDS)
SETTABLE: Final = (
    *(field.name for field in FIELDS),
    "address.formatted",
    "preferred_username",
    "phone_number_verified",
)
"""What operators may set besides, by command and import."""


def parse_profile(posted: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Read what a person typed into :data:`FIELDS`: the values, of blank ones ``None``, and the
    problems. What is not posted is not among them; whatever else is posted is not theirs to set.
    """
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for field in FIELDS:
        if field.name not in posted:
            continue
        try:
            values[field.name] = parse_text(field.name, posted[field.name])
        except ClaimValueError as exc:
            problems[field.name] = exc.sentence
    return values, problems


def parse_text(name: str, text: str) -> Any:
    """Make the value of the claim *name* that *text* writes down; ``None`` for a blank one."""
    if not text.strip():
        return None
    if name == "phone_number_verified":
        word = text.strip().casefold()
        if word not in _YES | _NO:
            raise ClaimValueError(N_("This must be yes or no."))
        return word in _YES
    return check(name, text)


def check(name: str, value: Any) -> Any:
    """Spell a value of the claim *name* as it is stored, or raise :class:`ClaimValueError`."""
    if value is None:
        return None
    if name not in SETTABLE:
        raise ClaimValueError(N_("There is no such claim."))
    if name == "phone_number_verified":
        if not isinstance(value, bool):
            raise ClaimValueError(N_("This must be yes or no."))
        return value
    if not isinstance(value, str):
        raise ClaimValueError(N_("This must be a text."))
    return _CHECKS.get(name, _text)(value)


def text_of(value: Any) -> str:
    """A value as :func:`parse_text` reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def flat(user: User) -> dict[str, Any]:
    """What *user* has, by flat name."""
    found: dict[str, Any] = {} if user.name is None else {"name": user.name}
    for name, value in user.profile.items():
        if name == "address" and isinstance(value, dict):
            found |= {f"address.{part}": value[part] for part in ADDRESS_PARTS if part in value}
        else:
            found[name] = value
    return {name: found[name] for name in SETTABLE if name in found}


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Put flat values in the form of the standard, without the name, as they are stored."""
    profile: dict[str, Any] = {}
    for name, value in values.items():
        claim, _, part = name.partition(".")
        if value is None or name == "name":
            continue
        if part:
            profile.setdefault(claim, {})[part] = value
        else:
            profile[claim] = value
    return profile


def merged(before: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """What flat values *before* become by *values*; ``None`` removes one.

    Another number is not verified, and another address is not written as the old one was, unless
    *values* says so.
    """
    after = {name: value for name, value in {**before, **values}.items() if value is not None}
    if after.get("phone_number") != before.get("phone_number"):
        _keep_only_if_given("phone_number_verified", after, values)
    if any(
        name.startswith("address.") and after.get(name) != before.get(name)
        for name in {*before, *after}
    ):
        _keep_only_if_given("address.formatted", after, values)
    if "phone_number" not in after:
        after.pop("phone_number_verified", None)
    return after


def _keep_only_if_given(name: str, after: dict[str, Any], values: Mapping[str, Any]) -> None:
    if values.get(name) is None:
        after.pop(name, None)


def _text(value: str, *, longest: int = MAX_TEXT, lines: bool = False) -> str:
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not text:
        raise ClaimValueError(N_("This is empty."))
    if not (text.replace("\n", "") if lines else text).isprintable():
        raise ClaimValueError(N_("This holds characters that cannot be seen."))
    if len(text) > longest:
        raise ClaimValueError(N_("This has more than {longest} characters."), longest=longest)
    return text


def _lines(value: str) -> str:
    return _text(value, lines=True)


def _url(value: str) -> str:
    text = _text(value, longest=MAX_URL)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ClaimValueError(N_("This must be an address as https://example.org/me.")) from None
    if parts.scheme != "https" or not host or any(char in text for char in ' "<>\\^`{|}'):
        raise ClaimValueError(N_("This must be an address as https://example.org/me."))
    if parts.username is not None or parts.password is not None:
        raise ClaimValueError(N_("This must not hold a user name or password."))
    return text


def _locale(value: str) -> str:
    found = _LANGUAGE_TAG.fullmatch(_text(value, longest=35).replace("_", "-"))
    if found is None:
        raise ClaimValueError(N_("This must be a language as en, de-AT or pt-BR."))
    language, script, region = found["language"], found["script"], found["region"]
    parts = [language.lower(), script and script.title(), region and region.upper()]
    return "-".join(part for part in parts if part) + found["rest"].lower()


def _zone(value: str) -> str:
    text = _text(value, longest=64)
    known = _zones()
    if text not in known if known else not _ZONE.fullmatch(text):
        raise ClaimValueError(N_("This must be a time zone as Europe/Berlin."))
    return text


@cache
def _zones() -> frozenset[str]:
    """Empty on a machine that has no list of them."""
    return frozenset(zoneinfo.available_timezones())


def _phone(value: str) -> str:
    text = re.sub(r"[\s()./\u2010-\u2015-]", "", _text(value, longest=40))
    if text.startswith("00"):
        text = f"+{text[2:]}"
    if not _NUMBER.fullmatch(text):
        raise ClaimValueError(
            N_("This must be a number with its country's code, as +49 30 123456.")
        )
    return text


def _birthdate(value: str) -> str:
    text = _text(value, longest=20)
    found = _BIRTHDATE.fullmatch(text) if text.isascii() else None
    if found is None or (found["month"] is None and found["year"] == "0000"):
        raise ClaimValueError(N_("This must be a date as 1990-12-31, 1990, or 0000-12-31."))
    if found["month"] is not None:
        try:
            date(int(found["year"]) or _LEAP, int(found["month"]), int(found["day"]))
        except ValueError:
            raise ClaimValueError(N_("This is a day that there is not.")) from None
    return text


_CHECKS: Final[Mapping[str, Callable[[str], str]]] = {
    "picture": _url,
    "profile": _url,
    "website": _url,
    "locale": _locale,
    "zoneinfo": _zone,
    "phone_number": _phone,
    "birthdate": _birthdate,
    "address.street_address": _lines,
    "address.formatted": _lines,
}
