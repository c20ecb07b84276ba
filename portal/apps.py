"""How an app is shown to people. Everything a client says about itself is hostile input
(hydra-contract 2.2).
"""

import ipaddress
import re
import unicodedata
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import msgspec

from portal.i18n import N_, ngettext
from portal.i18n import gettext as _
from portal.ory.authorization import origin_of
from portal.ory.models import OAuth2Client

MAX_NAME = 100
MAX_URL = 2048
MAX_HOSTS = 3
NEW_FOR: Final = timedelta(days=30)
"""So long an app is new here, which is said to whoever is asked about it."""
WEBSITE: Final = N_("Website")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HOST: Final = re.compile(r"[a-z0-9._:-]+")
"""What browsers go to as it stands here; others they decode, or refuse (WHATWG URL, 3.5)."""
_INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link that a client registered, checked by :func:`safe_url`."""

    title: str
    href: str
    host: str
    is_home: bool = False
    """The app's own website."""


class AppView(msgspec.Struct, frozen=True, kw_only=True):
    """A client as its users see it: a cleaned name, initials instead of a remote logo, safe links
    only.
    """

    client_id: str
    name: str
    initials: str
    hosts: tuple[str, ...] = ()
    """Where the browser will be sent with the answer; several where it is not known to which."""
    links: tuple[Link, ...] = ()
    verified: bool = False
    """The organisation vouches for it; the client itself has no say in this."""
    known_since: datetime | None = None
    """When it was registered, where Ory says so."""
    is_new: bool = False
    """That is not long ago."""

    @classmethod
    def of(
        cls,
        client: OAuth2Client,
        *,
        redirect_uri: str | None = None,
        verified: bool = False,
        now: datetime | None = None,
    ) -> "AppView":
        """Show *client*; *redirect_uri* is the one this request asked for, if it named one. With
        *now* it is shown for how long it is known, too.
        """
        since = _registered(client, now) if now else None
        name = clean_name(client.client_name) or clean_name(client.client_id)
        return cls(
            client_id=client.client_id,
            name=name,
            initials=initials(name),
            hosts=_hosts(client, redirect_uri),
            links=_links(client),
            verified=verified,
            known_since=since,
            is_new=since is not None and now is not None and now - since < NEW_FOR,
        )

    @classmethod
    def remembered(
        cls, client_id: str, name: str, uri: str | None, *, verified: bool = False
    ) -> "AppView":
        """Show a client from what a grant keeps of it."""
        shown = clean_name(name) or clean_name(client_id)
        home = _link(WEBSITE, uri)
        return cls(
            client_id=client_id,
            name=shown,
            initials=initials(shown),
            links=(home,) if home else (),
            verified=verified,
        )

    @property
    def home(self) -> Link | None:
        """The app's own website, where somebody can be sent back to."""
        return next((link for link in self.links if link.is_home), None)


def clean_name(text: str) -> str:
    """*text* without control, bidirectional and zero-width characters, at most 100 characters
    long.
    """
    normal = unicodedata.normalize("NFC", text)
    visible = "".join(" " if c in "\r\n\t" else c for c in normal)
    visible = "".join(c for c in visible if unicodedata.category(c) not in _INVISIBLE)
    return " ".join(visible.split())[:MAX_NAME]


def initials(name: str) -> str:
    """One or two letters that stand for an app."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def safe_url(url: str | None) -> str | None:
    """*url* if a browser may be sent there: absolute https, or http on the person's own machine;
    else ``None``.
    """
    if (
        not url
        or len(url) > MAX_URL
        or not url.isascii()
        or any(c <= " " or c == "\\" for c in url)
    ):
        return None
    try:
        parts = urlsplit(url)
        host, has_login = parts.hostname, "@" in parts.netloc
        _ = parts.port
    except ValueError:
        return None
    if not host or has_login or not _HOST.fullmatch(host):
        return None
    if parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK):
        return url
    return None


def host_of(url: str | None) -> str | None:
    """The host (and port) to show for a redirect URI; an app's own scheme is shown as such."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme in ("http", "https"):
        return clean_name(parts.netloc.rpartition("@")[2]) or None
    if not parts.scheme:
        return None
    return _("{scheme}: (an app on this device)").format(scheme=clean_name(parts.scheme))


def _hosts(client: OAuth2Client, redirect_uri: str | None) -> tuple[str, ...]:
    """The one host that Ory can have let this request ask for; else all that are registered."""
    registered = client.redirect_uris
    if redirect_uri and any(_is_allowed(redirect_uri, known) for known in registered):
        registered = (redirect_uri,)
    found = list(dict.fromkeys(host for uri in registered if (host := host_of(uri))))
    more = len(found) - MAX_HOSTS
    if more <= 0:
        return tuple(found)
    return (*found[:MAX_HOSTS], ngettext("{count} more", "{count} more", more).format(count=more))


def _registered(client: OAuth2Client, now: datetime) -> datetime | None:
    """When Ory says that *client* was registered; nothing an app could say of itself."""
    try:
        since = datetime.fromisoformat(client.created_at)
    except ValueError:
        return None
    if since.tzinfo is None or since.year <= 1:  # Go's zero time: unknown
        return None
    return min(since, now)


def _is_allowed(asked: str, registered: str) -> bool:
    """Compare as Ory does: any port will do for http on a loopback IP (RFC 8252, 7.3)."""
    if asked == registered:
        return True
    if origin_of(asked) is None or origin_of(registered) is None:
        return False
    one, other = urlsplit(asked), urlsplit(registered)
    return (
        one.scheme == other.scheme == "http"
        and _is_loopback_ip(other.hostname)
        and (one.hostname, one.path, one.query) == (other.hostname, other.path, other.query)
    )


def _is_loopback_ip(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _link(title: str, url: str | None) -> Link | None:
    href = safe_url(url)
    if href is None:
        return None
    return Link(title=_(title), href=href, host=urlsplit(href).netloc, is_home=title == WEBSITE)


def _links(client: OAuth2Client) -> tuple[Link, ...]:
    candidates = (
        _link(WEBSITE, client.client_uri),
        _link(N_("Privacy policy"), client.policy_uri),
        _link(N_("Terms of service"), client.tos_uri),
    )
    return tuple(link for link in candidates if link)
