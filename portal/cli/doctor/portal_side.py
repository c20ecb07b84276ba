"""Checks of the portal's own side: settings, database, key, address, and whether it runs there."""

import asyncio
import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

from portal.claims import load_catalogs
from portal.cli.common import is_loopback
from portal.cli.doctor.examination import Examination, public_url_of
from portal.cli.doctor.finding import Verdict, failed, ok, warning
from portal.cli.doctor.probe import Answer, CertificateProblemError, ProbeError, place
from portal.logs import one_line, scrub
from portal.mail.smtp import SmtpError, connected, server_of
from portal.operator_files import OperatorFileError
from portal.postbox import our_name
from portal.settings import OPTIONS, Settings, SettingsError, unknown_variables
from portal.settings.keyfile import KEY_FILE
from portal.store import StoreError, StoreUnavailableError, schema
from portal.store.revision import is_at_head

FEWEST_DIFFERENT: Final = 10
"""Characters; a random key of 32 has about 20 different ones."""


_MAIL_TROUBLES: Final[tuple[tuple[type[OSError], str], ...]] = (
    (socket.gaierror, "there is no host of this name"),
    (ConnectionRefusedError, "nobody listens there"),
    (TimeoutError, "it does not answer in time"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted here"),
    (ssl.SSLError, "it does not speak TLS as expected; smtps:// is TLS from the start"),
    (OSError, "it cannot be reached"),
)
"""What lies beneath a failure, the narrower kinds first."""


async def settings(exam: Examination) -> Verdict:
    """All problems at once, as at the start of the portal, and names that set nothing."""
    try:
        exam.known = Settings.from_env(exam.env)
        problems = _beyond_reading(exam)
    except SettingsError as exc:
        problems = list(exc.problems)
    if problems:
        return failed("; ".join(text.rstrip(".") for text in problems), "See docs/configuration.md")
    known = exam.settings
    mode = "development" if known.development else "production"
    if unknown := unknown_variables(exam.env):
        names = ", ".join(unknown)
        return warning(f"{names} set nothing", "Look for a misspelling in docs/configuration.md")
    return ok(f"BASE_URL is {known.base_url} ({mode})")


def _beyond_reading(exam: Examination) -> list[str]:
    known, problems = exam.settings, []
    if known.hydra_admin_url is None:
        problems.append(_unset("hydra_admin_url", "where Ory's admin API is"))
    if public_url_of(known) is None:
        problems.append(_unset("hydra_public_url", "where browsers and apps find Ory"))
    try:
        load_catalogs(known)
    except OperatorFileError as exc:
        problems += exc.problems
    try:
        exam.tls()
    except SettingsError as exc:
        problems += exc.problems
    return problems


def _unset(field: str, about: str) -> str:
    option = OPTIONS[field]
    name = option.names[0]
    return f"{name} is not set: {about}, such as {name}={option.example}"


async def database(exam: Examination) -> Verdict:
    """Reachable, and with the tables that this version needs."""
    url = exam.settings.database_url
    family = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
    try:
        revision = await asyncio.to_thread(schema.current, url)
    except StoreUnavailableError as exc:
        return failed(_clean(exc), "Check DATABASE_URL, and that the database runs")
    except StoreError as exc:
        return failed(_clean(exc), "Check DATABASE_URL")
    if not is_at_head(revision):
        had = f"at revision {revision}" if revision else "not migrated yet"
        words = f"{family} is {had}; this version needs {schema.head()}"
        return failed(words, "Run: portal db upgrade")
    return ok(f"{family} at revision {revision}")


def _clean(exc: Exception) -> str:
    return one_line(scrub(str(exc)))


async def signing_key(exam: Examination) -> Verdict:
    """``SECRET_KEY``: whoever guesses it signs cookies."""
    known = exam.settings
    keys = [key.reveal() for key in known.secret_keys]
    mode = "development" if known.development else "production"
    make = 'Make one with: python -c "import secrets; print(secrets.token_urlsafe(48))"'
    for key in keys:
        if len(set(key)) < FEWEST_DIFFERENT:
            words = f"SECRET_KEY has only {len(set(key))} different characters"
            return warning(words, make) if known.development else failed(words, make)
    made = known.data_dir / KEY_FILE
    if not known.development and _holds(exam, keys):
        return warning(f"SECRET_KEY is the key of development, in {made}", make)
    count = "1 key" if len(keys) == 1 else f"{len(keys)} keys, the first one signs"
    given = any(exam.env.get(name, "").strip() for name in ("SECRET_KEY", "SECRET_KEY_FILE"))
    where = "SECRET_KEY" if given else f"made for development, in {made}"
    return ok(f"{count} ({where}; {mode})")


def _holds(exam: Examination, keys: list[str]) -> bool:
    try:
        made = (exam.settings.data_dir / KEY_FILE).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return False
    return made in keys


async def address(exam: Examination) -> Verdict:
    """Passwords and cookies must not cross a network as they are."""
    known = exam.settings
    host = urlsplit(known.base_url).hostname
    if known.secure:
        return ok(f"{known.base_url} is https: cookies are Secure")
    if is_loopback(host):
        return ok(f"{known.base_url} is http, on this machine alone")
    return failed(
        f"{known.base_url} is http: passwords and cookies cross the network as they are",
        "Put a proxy with TLS in front and set BASE_URL to its https address",
    )


async def mail_server(exam: Examination) -> Verdict:
    """Greeted, and the password tried; no mail is sent."""
    known = exam.settings
    if known.smtp_url is None:
        if known.development and known.registration:
            return warning(
                "none is set, but PORTAL_REGISTRATION is on: the links for new accounts are only "
                "printed to the portal's log",
                "Name a mail server with PORTAL_SMTP_URL before anybody else comes; "
                "outside of development the portal does not start without one",
            )
        if known.development:
            return ok("none is set: mails are printed to the portal's log, as this is development")
        return ok("none is set: nothing that needs mails is offered")
    server = server_of(known.smtp_url)
    where = f"{server.host}:{server.port}"
    try:
        async with connected(server, our_name=our_name(known)) as connection:
            encrypted = connection.encrypted
    except SmtpError as exc:
        return failed(
            f"{where} cannot be used: {_why_not(exc)}", "Check PORTAL_SMTP_URL; see docs/mail.md"
        )
    if not encrypted and not is_loopback(server.host):
        return warning(
            f"{where} answers, but without TLS: mails, and the links in them, can be read on "
            "the way",
            "Use a server that offers STARTTLS, or smtps://",
        )
    how = ("TLS" if encrypted else "no TLS") + (", logged in" if server.user else "")
    return ok(f"{where} takes mails ({how}); they come from {known.mail_from}")


def _why_not(exc: SmtpError) -> str:
    """In words where they are known, with the library's name for it: what is searched for."""
    chain: list[BaseException] = [exc]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    for kinds, words in _MAIL_TROUBLES:
        if any(isinstance(each, kinds) for each in chain):
            return f"{words} ({exc})"
    return str(exc)


async def portal_answers(exam: Examination) -> Verdict:
    """It need not run for the other checks, so nobody there is a warning."""
    url = exam.expected("/health/ready")
    try:
        answer = await exam.browser_probe().get(url)
    except CertificateProblemError as exc:
        return failed(str(exc), "Give the server in front of the portal a certificate for its name")
    except ProbeError as exc:
        return warning(str(exc), "Start it with: portal serve; or check BASE_URL")
    if answer.location is not None:
        return failed(
            f"{place(url)} sends us to {place(answer.location)}",
            f"Set BASE_URL to {place(answer.location).removesuffix('/health/ready')}",
        )
    return _judged(exam, answer)


def _judged(exam: Examination, answer: Answer) -> Verdict:
    """Hydra's own health answer looks alike, but does not speak of Ory."""
    document = answer.document
    if not isinstance(document, dict) or "ory" not in document:
        who = "Ory" if document == {"status": "ok"} else f"something else ({answer.status})"
        return failed(
            f"what answers at {exam.base_url} is not this portal but {who}",
            "Set BASE_URL to where browsers reach the portal, or start it there: portal serve",
        )
    if answer.status != 200:
        errors = document.get("errors")
        words = "; ".join(map(str, errors.values())) if isinstance(errors, dict) else "not ready"
        return failed(f"the portal answers {answer.status}: {one_line(words, 300)}", "See its log")
    if document["ory"] != "ok":
        return warning(
            f"the portal answers, but says of Ory: {one_line(str(document['ory']), 80)}",
            "Check HYDRA_ADMIN_URL and ORY_API_KEY where the portal runs",
        )
    return ok(f"this portal answers at {exam.base_url} and reaches Ory")
