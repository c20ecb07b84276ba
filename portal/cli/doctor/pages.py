"""The heart of it: begin as a browser would, and see whether Ory sends it to this portal.

What a person would do at the login page is done at the admin API, for a subject that nobody has; so
the consent and the logout page are seen too. Nothing is allowed, and nothing stays at Ory.
"""

import secrets
from typing import Final
from urllib.parse import urlencode
from uuid import uuid4

from portal.cli.common import is_loopback
from portal.cli.doctor.examination import Examination, in_words
from portal.cli.doctor.finding import SkippedError, Verdict, failed, ok, warning
from portal.cli.doctor.ory_side import differences
from portal.cli.doctor.probe import Answer, place, query_of
from portal.cli.ory_config import DEVICE_PAGES, PAGES
from portal.logs import one_line
from portal.ory.authorization import origin_of
from portal.ory.errors import ChallengeUnknownError, OryError, OryNotFoundError, OryRefusalError
from portal.ory.models import AcceptLogin

FALLBACKS: Final = "/oauth2/fallbacks/"
CALLBACK: Final = "https://portal-doctor.invalid/callback"
"""Where the temporary client would be answered; a name that leads nowhere (RFC 2606)."""
NAME: Final = "portal doctor (temporary)"
REMEMBER_FOR: Final = 60
"""Seconds; Ory shows its logout page only to browsers that it remembers."""


async def login_page(exam: Examination) -> Verdict:
    """``urls.login``, by an authorization request of a client's."""
    try:
        query = await _authorization_request(exam)
    except OryNotFoundError:
        return failed(
            f"Ory knows no client {one_line(exam.client_id or '', 80)}", "See: portal clients list"
        )
    except OryError as exc:
        return failed(
            f"no temporary client can be registered ({in_words(exc)})",
            "Name a client of yours with --client-id",
        )
    answer = await exam.visit(f"{exam.public_url}/oauth2/auth?{query}", with_cookies=True)
    exam.started = answer
    return arrival(exam, answer, "login", needs="login_challenge")


async def _authorization_request(exam: Examination) -> str:
    exam.require_public_side()
    members = {
        "client_id": exam.client_id or await _temporary_client(exam),
        "response_type": "code",
        "state": secrets.token_hex(16),
        "code_challenge": secrets.token_urlsafe(32),
        "code_challenge_method": "S256",
    }
    if exam.client_id is None:
        members |= {"scope": "openid", "redirect_uri": CALLBACK}
    elif exam.admin_works:
        client = await (await exam.ory()).get_client(exam.client_id)
        members["scope"] = "openid" if "openid" in client.scope.split() else client.scope
        if client.redirect_uris:
            members["redirect_uri"] = client.redirect_uris[0]
    return urlencode(members)  # without the admin API: no scope, and its only redirect_uri


async def _temporary_client(exam: Examination) -> str:
    """Its id is ours and known before: whatever happens to the answer, it can be deleted."""
    if not exam.admin_works:
        raise SkippedError("Ory's admin API cannot be used; name a client with --client-id")
    ory = await exam.ory()
    exam.temporary_client = str(uuid4())
    client = {
        "client_name": NAME,
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "scope": "openid",
        "redirect_uris": [CALLBACK],
    }
    try:
        await ory.create_client({**client, "client_id": exam.temporary_client})
    except OryRefusalError:  # an Ory that chooses ids itself
        made = await ory.create_client(client)
        exam.temporary_client = str(made["client_id"])
    return exam.temporary_client


def arrival(exam: Examination, answer: Answer, name: str, *, needs: str = "") -> Verdict:
    """Compare where Ory sends the browser with the portal's page for it."""
    wanted, target = exam.expected(_path(name)), answer.location
    if target is None:
        return failed(
            f"{place(answer.url)} answers {answer.status}, and sends nobody to a page",
            "Check HYDRA_PUBLIC_URL, and look at Ory's log",
        )
    if FALLBACKS in place(target):
        return failed(
            f"Ory has no urls.{name}, and shows a page of its own", advice(exam, name, wanted)
        )
    query = query_of(target)
    if name != "error" and "error" in query:
        return _refusal(query, target)
    if difference := differences(target, wanted):
        return failed(
            f"Ory sends browsers to {place(target)}, the page is {wanted}: {'; '.join(difference)}",
            advice(exam, name, wanted),
        )
    if needs and needs not in query:
        return failed(
            f"Ory sends browsers to {wanted} without {needs}",
            "Look at what stands in front of Ory: it drops the query",
        )
    return ok(f"Ory sends browsers to {wanted}")


def _path(name: str) -> str:
    return PAGES[name] if name in PAGES else DEVICE_PAGES[name.removeprefix("device.")]


def advice(exam: Examination, name: str, wanted: str) -> str:
    """The setting, and the command that prints it for every kind of Ory."""
    http = exam.base_url.startswith("http:") and not is_loopback(_host(exam.base_url))
    more = " --allow-http" if http else ""
    return (
        f"Set Ory's urls.{name} to {wanted} (run: portal ory-config --base-url "
        f"{exam.base_url}{more}), or BASE_URL if the portal is elsewhere"
    )


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].rpartition(":")[0] or url


def _refusal(query: dict[str, str], target: str) -> Verdict:
    said = f"{one_line(query['error'], 60)}: {one_line(query.get('error_description', ''), 300)}"
    hint = "Check the client: portal clients get"
    if query["error"] == "invalid_client":
        hint = "Ory's public side does not know the client: see portal clients list"
    elif query["error"] == "request_forbidden":
        hint = "Ory did not get its own cookie back: see the checks of cookies and addresses"
    return failed(f"Ory refuses, at {place(target)} ({said})", hint)


async def one_ory(exam: Examination) -> Verdict:
    """Whether the admin API knows what the public side just began."""
    challenge = query_of(exam.started.location or "").get("login_challenge") if exam.started else ""
    if not challenge:
        raise SkippedError("no sign-in could be begun")
    ory = await exam.ory()
    try:
        request = await ory.get_login_request(challenge)
    except ChallengeUnknownError:
        return failed(
            f"{exam.admin_url} does not know a sign-in that {exam.public_url} has just begun",
            "HYDRA_ADMIN_URL and HYDRA_PUBLIC_URL must be the two sides of one Ory; several "
            "Hydras need one database and the same secrets",
        )
    except OryError as exc:
        return failed(f"the sign-in cannot be read ({in_words(exc)})", "Look at Ory's log")
    exam.login_request = request
    if difference := differences(origin_of(request.request_url) or "", _origin(exam.public_url)):
        return failed(
            f"Ory sees itself at {origin_of(request.request_url)}, browsers at "
            f"{exam.public_url}: {'; '.join(difference)}",
            f"Set Ory's urls.self.public and urls.self.issuer to {exam.public_url}, or "
            "HYDRA_PUBLIC_URL to what Ory says",
        )
    return ok("the admin API knows the sign-in that the public side began")


def _origin(url: str) -> str:
    return origin_of(url) or ""


async def consent_page(exam: Examination) -> Verdict:
    """``urls.consent``: sign a subject in whom nobody has, and follow."""
    request = exam.login_request
    if request is None:
        raise SkippedError("no sign-in could be read at the admin API")
    ory = await exam.ory()
    exam.subject = f"portal-doctor-{uuid4()}"
    body = AcceptLogin(subject=exam.subject, remember=True, remember_for=REMEMBER_FOR)
    try:
        redirect = await ory.accept_login(request, body)
    except OryError as exc:
        return failed(f"a sign-in cannot be accepted ({in_words(exc)})", "Look at Ory's log")
    if difference := differences(_origin(redirect.redirect_to), _origin(exam.public_url)):
        return failed(
            f"Ory goes on at {place(redirect.redirect_to)}, but set its cookies at "
            f"{exam.public_url}: {'; '.join(difference)}",
            f"Set Ory's urls.self.public and urls.self.issuer to {exam.public_url}",
        )
    answer = await exam.visit(redirect.redirect_to, with_cookies=True)
    exam.signed_in = "consent_challenge" in query_of(answer.location or "")
    return arrival(exam, answer, "consent", needs="consent_challenge")


async def logout_page(exam: Examination) -> Verdict:
    """``urls.logout``, which only a browser sees that Ory remembers."""
    if not exam.signed_in:
        raise SkippedError("nobody could be signed in at Ory")
    answer = await exam.visit(f"{exam.public_url}/oauth2/sessions/logout", with_cookies=True)
    return arrival(exam, answer, "logout", needs="logout_challenge")


async def after_logout(exam: Examination) -> Verdict:
    """``urls.post_logout_redirect``: a page of the organisation's own is as good."""
    exam.require_public_side()
    answer = await exam.visit(f"{exam.public_url}/oauth2/sessions/logout", with_cookies=False)
    found = arrival(exam, answer, "post_logout_redirect")
    if found.status == "failed" and answer.location is not None:
        return warning(found.found, f"{found.advice}, unless that is meant")
    return found


async def error_page(exam: Examination) -> Verdict:
    """``urls.error``, by a client that does not exist."""
    exam.require_public_side()
    query = urlencode(
        {
            "client_id": f"portal-doctor-{uuid4()}",
            "response_type": "code",
            "scope": "openid",
            "state": secrets.token_hex(16),
        }
    )
    answer = await exam.visit(f"{exam.public_url}/oauth2/auth?{query}", with_cookies=False)
    return arrival(exam, answer, "error", needs="error")


async def device_flow(exam: Examination) -> Verdict:
    """Whether Ory offers it, and ``urls.device.verification`` if it does."""
    if "device_authorization_endpoint" not in exam.require_public_side():
        return ok("this Ory does not offer it (Hydra has it since 25.4)")
    answer = await exam.visit(f"{exam.public_url}/oauth2/device/verify", with_cookies=False)
    found = arrival(exam, answer, "device.verification")
    if found.status == "failed":
        return warning(found.found, found.advice)
    return ok(f"offered; {found.found}")
