"""Where a request comes from: the client's address behind trusted proxies, and its user agent."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import msgspec

from portal.i18n import N_
from portal.i18n import gettext as _

Network = IPv4Network | IPv6Network
MAX_USER_AGENT = 256
_BROWSERS = (
    *(("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet")),
    *(("Vivaldi", "Vivaldi"), ("Firefox/", "Firefox"), ("FxiOS", "Firefox")),
    *(("CriOS", "Chrome"), ("Chromium", "Chromium"), ("Chrome/", "Chrome"), ("Safari/", "Safari")),
    *(("curl/", "curl"), ("python-httpx", N_("A program")), ("Go-http-client", N_("A program"))),
)
"""Those that pretend to be another one come before it."""
UNKNOWN_BROWSER = N_("An unknown browser")
_SYSTEMS = (
    *(("Windows", "Windows"), ("iPhone", N_("an iPhone")), ("iPad", N_("an iPad"))),
    *(("Android", "Android"), ("CrOS", "ChromeOS"), ("Mac OS X", N_("a Mac"))),
    ("Linux", "Linux"),
)


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Client address and user agent, for the audit trail and for throttling. Never a proof of
    anything.
    """

    address: str = ""
    user_agent: str = ""

    @property
    def network(self) -> str:
        """What one subscriber usually has to themselves: an IPv4 address, or an IPv6 /64."""
        address = _parsed(self.address)
        if address is None:
            return "unknown"
        if isinstance(address, IPv6Address):
            return str(IPv6Network((int(address) >> 64 << 64, 64)))
        return str(address)


def client_address(peer: str, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """Walk ``X-Forwarded-For`` from the right and stop at the first address that is no trusted
    proxy.

    *forwarded_for* holds the header's values in the order received. Anything that is no address
    ends the walk at the last proxy that could be believed. Without trusted proxies the header
    changes nothing.
    """
    believed = str(_parsed(peer) or peer)
    hops = [hop.strip() for value in forwarded_for for hop in value.split(",")]
    while hops and _is_trusted(believed, trusted):
        address = _parsed(hops.pop())
        if address is None:
            break
        believed = str(address)
    return believed


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address; an IPv4 one in IPv6 clothes, as sockets of both kinds show it, is IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(
        parsed.version == network.version and parsed in network for network in trusted
    )


def browser_in_words(user_agent: str) -> str:
    """Which browser that probably was, to be read: "Chrome on Windows". It may pretend anything."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    if browser is None and system is None:
        return _(UNKNOWN_BROWSER)
    if system is None:
        return _(browser or UNKNOWN_BROWSER)
    if browser is None:
        return _("A browser on {system}").format(system=_(system))
    return _("{browser} on {system}").format(browser=_(browser), system=_(system))
