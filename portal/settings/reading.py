"""One reader per kind of value: from the text of a variable to the value.

A reader raises ``ValueError`` with words that fit behind the variable's name. It never repeats a
text that may hold a secret.
"""

import re
from collections.abc import Callable, Sequence
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from portal.settings.option import Pepper, Secret

MIN_SECRET_CHARACTERS: Final = 32
_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})
_DURATION: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.ASCII)
_TEN_YEARS: Final = 10 * 365 * 86_400
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
_ADDRESS: Final = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+", re.ASCII)
_DATABASES: Final = frozenset({"sqlite", "postgresql", "postgres"})


def flag(text: str) -> bool:
    """Understand a yes or a no, in the words people use for it."""
    word = text.lower()
    if word not in _YES | _NO:
        raise ValueError("must be 1, true, yes, on, 0, false, no or off")
    return word in _YES


def seconds(text: str) -> int:
    """Add up a duration such as ``30m``, ``12h``, ``30d``, ``1h30m`` or plain seconds."""
    match = _DURATION.fullmatch(text.lower())
    if match is None or not any(match.groups()):
        raise ValueError("must be a duration such as 90s, 30m, 12h, 30d, or seconds")
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    duration = ((days * 24 + hours) * 60 + minutes) * 60 + rest
    if duration > _TEN_YEARS:
        raise ValueError("must be at most 3650d")
    return duration


def positive_seconds(text: str) -> int:
    """Refuse a duration of zero."""
    duration = seconds(text)
    if duration == 0:
        raise ValueError("must be more than 0 seconds")
    return duration


def seconds_from(least: int) -> Callable[[str], int]:
    """Make a reader of durations of at least *least* seconds."""

    def read(text: str) -> int:
        duration = seconds(text)
        if duration < least:
            days = least / 86_400
            raise ValueError(f"must be at least {days:g}d")
        return duration

    return read


def durations(text: str) -> tuple[int, ...]:
    """Read a comma separated list of durations; ``always`` is 0 and stands last."""
    found = {0 if word.lower() == "always" else positive_seconds(word) for word in words(text)}
    if not found:
        raise ValueError("must name at least one duration, or always")
    return (*sorted(found - {0}), *sorted(found & {0}))


def fraction(text: str) -> float:
    """Seconds with a fraction, for one network call."""
    try:
        number = float(text.removesuffix("s"))
    except ValueError:
        raise ValueError("must be a number of seconds such as 3 or 2.5") from None
    if not 0.1 <= number <= 60:
        raise ValueError("must be between 0.1 and 60 seconds")
    return number


def whole(low: int, high: int) -> Callable[[str], int]:
    """Make a reader of whole numbers from *low* to *high*."""

    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return read


def one_of(*choices: str) -> Callable[[str], str]:
    """Make a reader of a few words, in any case."""

    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"must be {' or '.join(choices)}")
        return text.lower()

    return read


def words(text: str) -> tuple[str, ...]:
    """Split a comma separated list."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """List the networks of proxies; "everybody" would let any client invent its address."""
    found: list[IPv4Network | IPv6Network] = []
    for part in words(text):
        try:
            network = ip_network(part)
        except ValueError as exc:
            raise ValueError(f"must be addresses or networks such as 10.0.0.0/8: {exc}") from exc
        if network.prefixlen == 0:
            raise ValueError(f"{part} would trust everybody; name the proxies' own networks")
        found.append(network)
    return tuple(found)


def existing_file(text: str) -> Path:
    """Name a file that is there now."""
    if not Path(text).is_file():
        raise ValueError(f"there is no file {text}")
    return Path(text)


def existing_directory(text: str) -> Path:
    """Name a directory that is there now."""
    if not Path(text).is_dir():
        raise ValueError(f"there is no directory {text}")
    return Path(text)


def listen_host(text: str) -> str:
    """Take a name or an address to listen on, without port."""
    bare = text.removeprefix("[").removesuffix("]")
    if not re.fullmatch(r"[A-Za-z0-9._:%-]+", bare, re.ASCII):
        raise ValueError("must be a host name or an IP address")
    return bare


def web_url(text: str) -> str:
    """Spell an http(s) URL in one way: host in lower case, no default port, no slash at the end."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        ascii_host = host if ":" in host else host.encode("idna").decode()
    except (ValueError, UnicodeError):
        raise ValueError("must be a URL such as https://login.example.org") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password")
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError("must start with http:// or https:// and name a host")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValueError("must not hold a query or a fragment")
    path = parts.path.rstrip("/")
    if not _PREFIX.fullmatch(path):
        raise ValueError(
            "its path may only hold letters, digits, and . _ ~ - between single slashes"
        )
    name = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{name}{'' if port in (None, default) else f':{port}'}{path}"


def admin_url(text: str) -> str:
    """Cut off ``/admin``: Hydra's API lives below it, and many people write it along."""
    return web_url(text).removesuffix("/admin")


def database_url(text: str) -> str:
    """Check the family alone; the store knows the rest. The text may hold a password."""
    family = text.partition("://")[0].partition("+")[0].lower()
    if "://" not in text or family not in _DATABASES:
        raise ValueError("must be a URL such as sqlite:///portal.db or postgresql://user@host/name")
    return text


def bearer(text: str) -> Secret:
    """Take a token that fits in a header."""
    if text.lower().startswith("bearer "):
        raise ValueError('must be the token alone, without the word "Bearer"')
    return Secret(_header_safe(text))


def token(text: str) -> Secret:
    """Take a secret that callers present; short ones can be guessed."""
    if len(text) < 16:
        raise ValueError("must be at least 16 characters long")
    return Secret(_header_safe(text))


def _header_safe(text: str) -> str:
    if not re.fullmatch(r"[!-~]+", text, re.ASCII):
        raise ValueError("must be printable ASCII without blanks")
    return text


def secret_keys(text: str) -> tuple[Secret, ...]:
    """List signing keys, the new one first, separated by commas or (in a file) line ends."""
    keys: Sequence[str] = words(text.replace("\n", ","))
    if not keys or any(len(key) < MIN_SECRET_CHARACTERS for key in keys):
        raise ValueError(
            f"every key must be at least {MIN_SECRET_CHARACTERS} characters long; "
            'make one with: python -c "import secrets; print(secrets.token_urlsafe(48))"'
        )
    return tuple(map(Secret, keys))


def peppers(text: str) -> tuple[Pepper, ...]:
    """List peppers, the one for new hashes first: each has a name, a colon and a key."""
    found = []
    for part in words(text.replace("\n", ",")):
        name, _, key = part.partition(":")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,16}", name, re.ASCII):
            raise ValueError("must be name:key; a name has at most 16 letters, digits, - and _")
        if len(key) < MIN_SECRET_CHARACTERS:
            raise ValueError(f"every key must be at least {MIN_SECRET_CHARACTERS} characters long")
        found.append(Pepper(name, Secret(key)))
    if not found or len({pepper.name for pepper in found}) < len(found):
        raise ValueError("must name each pepper once, as name:key")
    return tuple(found)


def short_name(text: str) -> str:
    """Take a name that fits into a line."""
    if not text.isprintable() or len(text) > 64:
        raise ValueError("must be at most 64 visible characters")
    return text


def mailbox(text: str) -> str:
    """Take one address, with or without a name before it (RFC 5322, 3.4)."""
    _, address = parseaddr(text)
    whole_text = text == address or text.endswith(f"<{address}>")
    if not text.isprintable() or not whole_text or not _ADDRESS.fullmatch(address):
        raise ValueError("must be an address such as Example <no-reply@example.org>")
    return text


def smtp_url(text: str) -> Secret:
    """Check the parts of a mail server's address; it may hold a password."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, None
    if parts is None or not host or parts.scheme not in {"smtp", "smtps"}:
        raise ValueError("must be a URL such as smtp://user:password@mail.example.org:587")
    if (parts.username is None) != (parts.password is None):
        raise ValueError("must hold a user and a password, or neither")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("must end with the host or its port")
    return Secret(text)
