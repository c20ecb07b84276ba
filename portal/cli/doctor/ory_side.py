"""Checks of Ory's two sides: does each answer, is it the right one, does it take the key?"""

from typing import Any, Final
from urllib.parse import urlsplit

from portal.cli.addresses import NETWORK
from portal.cli.common import is_loopback
from portal.cli.doctor.examination import Examination, is_network
from portal.cli.doctor.finding import SkippedError, Verdict, failed, ok, warning
from portal.cli.doctor.probe import Answer, CertificateProblemError, ProbeError, place
from portal.logs import one_line
from portal.ory.authorization import origin_of
from portal.settings import OPTIONS
from portal.settings.option import find
from portal.settings.reading import web_url

DISCOVERY: Final = "/.well-known/openid-configuration"
CLIENTS: Final = "/admin/clients?page_size=1"
ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
CLOCK_WARNING, CLOCK_FAILURE = 5.0, 60.0
"""Seconds that two clocks may differ; tokens are dated by Ory and judged by apps and us."""


async def admin_api(exam: Examination) -> Verdict:
    """Whether ``HYDRA_ADMIN_URL`` is Ory's admin API."""
    url = exam.admin_url
    try:
        answer = await ask_admin(exam, exam.key())
    except ProbeError as exc:
        return failed(f"{exc}", unreachable_advice(exc, "HYDRA_ADMIN_URL"))
    exam.admin_answer = answer
    if answer.status == 200 and isinstance(answer.document, list):
        exam.admin_works = True
        return ok(f"{url} answers{await _version(exam)}")
    if answer.status in {401, 403}:
        return ok(f"{url} answers, and asks for a key")
    return await _not_the_admin_api(exam, answer)


async def ask_admin(exam: Examination, key: str | None) -> Answer:
    """Ask for one client, which every admin API can answer and nobody without access may."""
    headers = {"Accept": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    if exam.settings.mock_tls_termination:
        headers["X-Forwarded-Proto"] = "https"
    return await exam.probe().get(f"{exam.admin_url}{CLIENTS}", headers)


def unreachable_advice(exc: ProbeError, variable: str) -> str:
    """What to do about somebody who cannot be asked."""
    if isinstance(exc, CertificateProblemError):
        return (
            f"Check {variable}; PORTAL_ORY_CA_FILE names the authority (PEM) to trust, "
            "if it is one of your own"
        )
    return f"Check {variable}, and that Ory runs"


async def _version(exam: Examination) -> str:
    """Hydra tells its release on its admin port; Ory Network does not."""
    headers = {"X-Forwarded-Proto": "https"} if exam.settings.mock_tls_termination else {}
    try:
        answer = await exam.probe().get(f"{exam.admin_url}/version", headers)
    except ProbeError:
        return ""
    document = answer.document if answer.status == 200 else None
    version = document.get("version") if isinstance(document, dict) else None
    return f": Hydra {one_line(version, 40)}" if isinstance(version, str) and version else ""


async def _not_the_admin_api(exam: Examination, answer: Answer) -> Verdict:
    said = f"{place(answer.url)} answers {answer.status}"
    if b"insecure http" in answer.body:
        return failed(f"{said}: Hydra insists on TLS", "Set MOCK_TLS_TERMINATION=1")
    if b"HTTP request to an HTTPS server" in answer.body:
        return failed(f"{said}: it is an https address", "Set HYDRA_ADMIN_URL to https://…")
    if answer.location is not None:
        return failed(
            f"{said} and sends us to {place(answer.location)}",
            "Set HYDRA_ADMIN_URL to the admin API itself; redirects are not followed",
        )
    if answer.status == 429 or answer.status >= 500:
        return failed(said, "Ory is there but cannot serve: look at its log, try again later")
    if await _is_public_side(exam):
        return failed(
            f"{exam.admin_url} is Ory's public side",
            "Set HYDRA_ADMIN_URL to the admin side, which usually has port 4445",
        )
    return failed(
        f"{said}: that is not Ory's admin API",
        "Check HYDRA_ADMIN_URL; Hydra's admin port is usually 4445",
    )


async def _is_public_side(exam: Examination) -> bool:
    try:
        answer = await exam.probe().get(f"{exam.admin_url}{DISCOVERY}")
    except ProbeError:
        return False
    return isinstance(answer.document, dict) and "issuer" in answer.document


async def api_key(exam: Examination) -> Verdict:
    """Whether the key is accepted, missing, or of no use."""
    answer, key = exam.admin_answer, exam.key()
    if answer is None:
        raise SkippedError("Ory's admin API does not answer")
    if answer.status in {401, 403}:
        return _refused(exam, answer, key)
    if not exam.admin_works:
        raise SkippedError("what answers is not Ory's admin API")
    if key is None:
        return _open(exam)
    return await _accepted(exam)


def _refused(exam: Examination, answer: Answer, key: str | None) -> Verdict:
    """The gateway's error is an object; Hydra's own is a text."""
    document = answer.document
    error = document.get("error") if isinstance(document, dict) else None
    who = "Ory Network" if isinstance(error, dict) else "What answers"
    if isinstance(error, str):
        return failed(
            f"{place(answer.url)} answers {answer.status} in Hydra's own words "
            f"({one_line(error, 60)}), not as a gateway that wants a key",
            "Check HYDRA_ADMIN_URL, and what stands between the portal and Hydra",
        )
    if key is None:
        return failed(
            f"{who} wants an API key, and none is set",
            "Set ORY_API_KEY (or ORY_PAT) to a key of the project (ory_pat_…)",
        )
    name = _name_of_key(exam)
    advice = f"Check {name}: the key must be one of this project, whole and not revoked"
    if key.startswith("ory_wak_"):
        advice = f"{name} holds a key of a workspace; a key of the project begins with ory_pat_"
    return failed(f"{who} refuses the API key in {name} ({answer.status})", advice)


def _name_of_key(exam: Examination) -> str:
    found = find(OPTIONS["ory_api_key"], exam.env)
    return found.name if found else "ORY_API_KEY"


def _open(exam: Examination) -> Verdict:
    host = urlsplit(exam.admin_url).hostname or ""
    if host.endswith(NETWORK):
        return warning(
            "Ory Network answers without a key", "Check that HYDRA_ADMIN_URL is your project"
        )
    return ok("none is set, and none is needed: keep the admin API away from the network")


async def _accepted(exam: Examination) -> Verdict:
    name = _name_of_key(exam)
    try:
        without = (await ask_admin(exam, None)).status
    except ProbeError:
        without = 0
    if without == 200:
        return warning(
            f"{exam.admin_url} answers without the key in {name} too",
            f"Hydra itself needs no key: remove {name}, and keep the admin API off the network",
        )
    if exam.admin_url.startswith("http:") and not is_loopback(urlsplit(exam.admin_url).hostname):
        return warning(
            f"the key in {name} crosses the network as it is, for {exam.admin_url} is http",
            "Use an https address for HYDRA_ADMIN_URL, and replace the key",
        )
    told = f"; without it the answer is {without}" if without else ""
    return ok(f"the key in {name} is accepted{told}")


async def discovery(exam: Examination) -> Verdict:
    """Whether the public side says of itself what apps will believe."""
    url = f"{exam.public_url}{DISCOVERY}"
    try:
        answer = await exam.probe().get(url)
    except ProbeError as exc:
        return failed(f"{exc}", unreachable_advice(exc, "HYDRA_PUBLIC_URL"))
    document = answer.document
    if answer.location is not None:
        return failed(
            f"{place(url)} sends us to {place(answer.location)}",
            f"Set HYDRA_PUBLIC_URL to {place(answer.location).removesuffix(DISCOVERY)}",
        )
    if answer.status != 200 or not isinstance(document, dict) or "issuer" not in document:
        return failed(
            f"{place(url)} answers {answer.status} without OpenID Connect's configuration",
            "Check HYDRA_PUBLIC_URL; Hydra's public port is usually 4444, 4445 is its admin port",
        )
    exam.discovery = document
    return _judged(exam, document)


def _judged(exam: Examination, document: dict[str, Any]) -> Verdict:
    issuer = str(document["issuer"])
    if difference := differences(issuer.rstrip("/"), exam.public_url):
        return failed(
            f"Ory calls itself {issuer}, HYDRA_PUBLIC_URL is {exam.public_url}: "
            f"{', '.join(difference)}",
            f"Set HYDRA_PUBLIC_URL to {issuer}, or Ory's urls.self.issuer to {exam.public_url}",
        )
    for name in ENDPOINTS:
        found = str(document.get(name, ""))
        if origin_of(found) != origin_of(exam.public_url):
            return failed(
                f"{name} is {place(found) if found else 'missing'}, not at {exam.public_url}",
                f"Set Ory's urls.self.public to {exam.public_url}",
            )
    told = exam.settings.hydra_public_url is not None
    return ok(f"issuer {issuer}{'' if told or not is_network(exam.settings) else ' (SDK URL)'}")


def differences(found: str, wanted: str) -> list[str]:
    """What differs between two addresses, in words; the query does not count."""
    try:
        one, two = urlsplit(_spelled(found)), urlsplit(_spelled(wanted))
        pairs = [
            ("scheme", one.scheme, two.scheme),
            ("host", one.hostname or "", two.hostname or ""),
            ("port", _port(one), _port(two)),
            ("path", one.path or "/", two.path or "/"),
        ]
    except ValueError:
        return ["an address that cannot be read"]
    named = [f"{name} {one_line(a, 80) or 'none'} instead of {b}" for name, a, b in pairs if a != b]
    hosts = {one.hostname, two.hostname}
    if len(hosts) == 2 and all(is_loopback(host) for host in hosts):
        named.append("one machine by two names, and a browser sends a cookie only to the name")
    return named


def _port(parts: Any) -> str:
    return str(parts.port or {"http": 80, "https": 443}.get(parts.scheme, ""))


def _spelled(url: str) -> str:
    """Spell the host as settings do; whatever is no address of the web stays as it is."""
    bare = url.partition("?")[0].partition("#")[0]
    try:
        base = web_url(f"{urlsplit(bare).scheme}://{urlsplit(bare).netloc}")
    except ValueError:
        return bare
    return base + urlsplit(bare).path


async def clock(exam: Examination) -> Verdict:
    """Compare Ory's ``Date`` with our clock, as far as one answer can tell."""
    exam.require_public_side()
    answer = await exam.probe().get(f"{exam.public_url}/health/alive")
    told = answer.date
    if told is None:
        raise SkippedError("Ory's answers hold no date")
    # the header has whole seconds, and was written somewhere between question and answer
    early = (answer.asked_at - told).total_seconds() - 1.0
    late = (told - answer.answered_at).total_seconds()
    apart = max(early, late, 0.0)
    words = f"Ory's clock is {apart:.0f} s {'behind' if early > late else 'ahead of'} ours"
    advice = "Let both machines set their clocks by NTP"
    if apart > CLOCK_FAILURE:
        return failed(words, advice)
    if apart > CLOCK_WARNING:
        return warning(words, advice)
    return ok("Ory's clock and ours agree")
