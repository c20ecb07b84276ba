"""What a browser makes of Ory's cookies, and what they tell of Ory's settings."""

from urllib.parse import urlsplit

import msgspec

from portal.cli.common import is_loopback
from portal.cli.doctor.examination import Examination
from portal.cli.doctor.finding import SkippedError, Verdict, failed, ok, warning
from portal.logs import one_line


class Cookie(msgspec.Struct, frozen=True):
    """A ``Set-Cookie`` line without its value."""

    name: str
    attributes: dict[str, str]

    @property
    def secure(self) -> bool:
        return "secure" in self.attributes

    @property
    def same_site(self) -> str:
        return self.attributes.get("samesite", "").lower()

    @property
    def max_age(self) -> int | None:
        text = self.attributes.get("max-age", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def read_cookie(line: str) -> Cookie:
    """Take a line apart as browsers do: names in any case, the last one wins."""
    head, *rest = line.split(";")
    pairs = (part.partition("=") for part in rest)
    attributes = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Cookie(head.partition("=")[0].strip(), attributes)


def _started_with(exam: Examination) -> list[Cookie]:
    """The cookies of a sign-in that has begun."""
    answer = exam.started
    if answer is None or "login_challenge" not in (answer.location or ""):
        raise SkippedError("no sign-in could be begun")
    return [read_cookie(line) for line in answer.cookies]


async def cookies(exam: Examination) -> Verdict:
    """Whether Ory's cookies come back from a browser that was here in between."""
    found = _started_with(exam)
    if not found:
        return failed(
            "Ory began a sign-in without a cookie, so it will refuse every answer",
            "Look at what stands in front of Ory: it drops Set-Cookie",
        )
    for cookie in found:
        if problem := _lost(exam, cookie):
            return failed(*problem)
    if remark := _schemes(exam) or _on_http(exam, found):
        return remark
    told = {f"SameSite={cookie.same_site or 'unset'}" for cookie in found}
    secure = "Secure, " if all(cookie.secure for cookie in found) else ""
    return ok(f"Ory's cookies come back ({secure}{', '.join(sorted(told))})")


def _lost(exam: Examination, cookie: Cookie) -> tuple[str, str] | None:
    """Why a browser would not take the cookie or not send it again."""
    ory, portal = urlsplit(exam.public_url), urlsplit(exam.base_url)
    name, host = one_line(cookie.name, 80), ory.hostname or ""
    if cookie.secure and ory.scheme == "http" and not is_loopback(host):
        return (
            f"{name} is Secure, but browsers reach Ory by http: they drop it",
            "Reach Ory by https; only for development: its serve.cookies.secure=false",
        )
    if cookie.same_site == "none" and not cookie.secure:
        return (
            f"{name} is SameSite=None without Secure: browsers drop it",
            "Set Ory's serve.cookies.secure=true, or same_site_mode=Lax for development",
        )
    if cookie.same_site == "strict" and host != portal.hostname:
        return (
            f"{name} is SameSite=Strict: it does not come back from {portal.hostname}",
            "Set Ory's serve.cookies.same_site_mode to None (https) or Lax",
        )
    domain = cookie.attributes.get("domain", "").lstrip(".").lower()
    if domain and host != domain and not host.endswith(f".{domain}"):
        return (
            f"{name} is for {one_line(domain, 80)}, but Ory is at {host}: browsers drop it",
            "Set Ory's serve.cookies.domain to the name under which browsers reach it",
        )
    return None


def _schemes(exam: Examination) -> Verdict | None:
    """Name what it means that one side is http and the other https."""
    ory, portal = urlsplit(exam.public_url), urlsplit(exam.base_url)
    if ory.scheme == portal.scheme or is_loopback(portal.hostname):
        return None
    if portal.scheme == "https" and not is_loopback(ory.hostname):
        return failed(
            "the portal is https and Ory http: browsers warn before each form that ends there, "
            "and codes cross the network as they are",
            "Reach Ory by https, and set its urls.self.issuer and urls.self.public so",
        )
    return warning(
        f"the portal is {portal.scheme} and Ory {ory.scheme}: browsers take these for two sites, "
        "even of one name",
        "Use https for both",
    )


def _on_http(exam: Examination, found: list[Cookie]) -> Verdict | None:
    if not exam.public_url.startswith("http:") or not any(cookie.secure for cookie in found):
        return None
    return warning(
        "Ory's cookies are Secure on an http address of this machine, which Safari drops",
        "Fine with Chromium and Firefox; else start Hydra with --dev, or use https",
    )


async def lifetime(exam: Examination) -> Verdict:
    """``PORTAL_CHALLENGE_TTL`` against the cookie that lives as long as a request does."""
    ages = [c.max_age for c in _started_with(exam) if "csrf" in c.name and c.max_age is not None]
    if not ages:
        raise SkippedError("Ory's cookie does not tell how long a request lives")
    ours, ory = exam.settings.challenge_ttl, ages[0]
    if ours != ory:
        return warning(
            f"Ory keeps a request for {ory} s, PORTAL_CHALLENGE_TTL is {ours} s",
            f"Set PORTAL_CHALLENGE_TTL={ory}s, or Ory's ttl.login_consent_request to {ours}s",
        )
    return ok(f"a login or consent request lives {ory} s at Ory, as PORTAL_CHALLENGE_TTL says")
