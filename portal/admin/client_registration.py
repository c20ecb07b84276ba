"""The form of an app and Ory's document of it: one from the other, what is wrong, what changed."""

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from portal.accounts import InvalidEmailError, canonical_email
from portal.admin.forms import ClientForm, digest
from portal.apps import clean_name
from portal.factors.levels import AAL2
from portal.grants import Policy
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.ory.models import OAuth2Client
from portal.settings import reading

CALLBACK: Final = "http://127.0.0.1:5555/callback"
TEXTS: Final = (
    "client_name",
    "client_uri",
    "policy_uri",
    "tos_uri",
    "logo_uri",
    "jwks_uri",
    "owner",
)
LISTS: Final = ("redirect_uris", "post_logout_redirect_uris", "audience", "contacts")
FLAGS: Final = ("skip_consent", "skip_logout_consent")
GRANT_TYPES: Final = {
    "authorization_code": N_("Sign people in (authorization_code)"),
    "refresh_token": N_("Stay connected (refresh_token)"),
    "urn:ietf:params:oauth:grant-type:device_code": N_(
        "Sign in on devices by a code (device_code)"
    ),
    "client_credentials": N_("Act for itself, without a person (client_credentials)"),
    "implicit": N_("Old browser apps (implicit)"),
}
RESPONSE_TYPES: Final = (
    *("code", "id_token", "token", "code id_token", "code token", "id_token token"),
    "code id_token token",
)
AUTH_METHODS: Final = {
    "client_secret_basic": N_("Secret in the header (client_secret_basic)"),
    "client_secret_post": N_("Secret in the form (client_secret_post)"),
    "private_key_jwt": N_("A key of its own (private_key_jwt)"),
    "none": N_("None: a public app, on devices or in browsers (none)"),
}
MAX_ID: Final = 255
MAX_NAME: Final = 255
MAX_URI: Final = 2048
NEEDS_REDIRECT: Final = {"authorization_code", "implicit"}
_ID: Final = re.compile(r"[!-~]{1,255}", re.ASCII)
_SCOPE: Final = re.compile(r"[!#-\[\]-~]+", re.ASCII)
"""RFC 6749, 3.3."""
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*", re.ASCII | re.IGNORECASE)
_DANGEROUS: Final = {"javascript", "data", "vbscript", "file", "blob", "about"}


def new_form(client_id: str) -> ClientForm:
    """A form for a new app, filled in as ``portal clients create`` does it.

    The id is chosen with the form and not by Ory, so that a form that is sent twice makes one app.
    """
    return ClientForm(
        client_id=client_id,
        grant_types=("authorization_code", "refresh_token"),
        response_types=("code", "id_token"),
        scope="openid offline",
        redirect_uris=CALLBACK,
        token_endpoint_auth_method="client_secret_basic",  # noqa: S106 - the name of a method
    )


def form_of(client: OAuth2Client, policy: Policy) -> ClientForm:
    """The form for an app as it is."""
    longest = policy.longest
    same: dict[str, Any] = {name: getattr(client, name) for name in (*TEXTS, *FLAGS)}
    lists: dict[str, Any] = {name: "\n".join(getattr(client, name)) for name in LISTS}
    return ClientForm(
        client_id=client.client_id,
        **same,
        **lists,
        scope=client.scope,
        grant_types=_in_order(client.grant_types, GRANT_TYPES),
        response_types=_in_order(client.response_types, RESPONSE_TYPES),
        token_endpoint_auth_method=client.token_endpoint_auth_method,
        verified=policy.verified,
        required_scopes=" ".join(policy.required_scopes),
        longest_grant="" if longest is None else duration(longest),
        second_factor=policy.required_acr == AAL2,
    )


def document(form: ClientForm) -> dict[str, Any]:
    """What the form says, as Ory's API has it."""
    return {
        **{name: getattr(form, name).strip() for name in TEXTS},
        **{name: getattr(form, name) for name in FLAGS},
        **{name: lines(getattr(form, name)) for name in LISTS},
        "scope": " ".join(form.scope.split()),
        "grant_types": list(_in_order(form.grant_types, GRANT_TYPES)),
        "response_types": list(_in_order(form.response_types, RESPONSE_TYPES)),
        "token_endpoint_auth_method": form.token_endpoint_auth_method,
    }


def changes(before: ClientForm, after: ClientForm) -> dict[str, Any]:
    """The members in which the two differ, as *after* has them. No other member is ever sent."""
    old = document(before)
    return {name: value for name, value in document(after).items() if value != old[name]}


def policy_in(form: ClientForm) -> Policy:
    """The policy that a form without problems describes."""
    text = form.longest_grant.strip()
    return Policy(
        verified=form.verified,
        required_scopes=tuple(dict.fromkeys(form.required_scopes.split())),
        longest=timedelta(seconds=reading.positive_seconds(text)) if text else None,
        required_acr=AAL2 if form.second_factor else None,
    )


def fingerprint(form: ClientForm) -> str:
    """What was shown of an app, in short."""
    return digest((document(form), policy_in(form)))


def problems(form: ClientForm, before: ClientForm | None = None) -> dict[str, str]:
    """What is wrong, by field, in words for who typed it.

    What an app has had all along (*before*) is not complained about: Ory accepted it.
    """
    checked = set(document(form)) if before is None else set(changes(before, form))
    found = {
        name: check(form)
        for name, check in _CHECKS.items()
        if name in checked or name in ("required_scopes", "longest_grant")
    }
    if before is None:
        found["client_id"] = _id_problem(form.client_id)
    if checked & {"grant_types", "redirect_uris"}:
        found["redirect_uris"] = found.get("redirect_uris") or _lacking_redirect(form)
    return {name: words for name, words in found.items() if words}


def lines(text: str) -> list[str]:
    """One entry a line; empty lines do not count."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def duration(span: timedelta) -> str:
    """The shortest way to write *span* that is read back as the same."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _in_order(values: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """The known ones as the form lists them, then what else there is."""
    order, given = list(known), list(dict.fromkeys(values))
    return tuple(
        [value for value in order if value in given]
        + [value for value in given if value not in order]
    )


def _id_problem(client_id: str) -> str | None:
    if not _ID.fullmatch(client_id) or "/" in client_id or client_id in (".", ".."):
        return _(
            "An id has 1 to {most} letters, digits or signs, without blanks and slashes."
        ).format(most=MAX_ID)
    return None


def _name_problem(form: ClientForm) -> str | None:
    if not clean_name(form.client_name):
        return _("Give it a name: people are shown it when the app asks for something.")
    if len(form.client_name) > MAX_NAME:
        return _("A name has at most {most} characters.").format(most=MAX_NAME)
    return None


def _scope_problem(text: str) -> str | None:
    wrong = next((scope for scope in text.split() if not _SCOPE.fullmatch(scope)), None)
    if wrong is None:
        return None
    return _("“{text}” cannot be a permission: use letters, digits and signs.").format(text=wrong)


def _registered_scope_problem(form: ClientForm) -> str | None:
    if not form.scope.split():
        return _("Name at least one: without any, Ory gives it openid, offline and offline_access.")
    return _scope_problem(form.scope)


def _duration_problem(form: ClientForm) -> str | None:
    try:
        policy_in(form)
    except ValueError:
        return _("This is no duration. Write it like 30d, 12h or 90m.")
    return None


def _lacking_redirect(form: ClientForm) -> str | None:
    if NEEDS_REDIRECT & set(form.grant_types) and not lines(form.redirect_uris):
        return _("An app that signs people in needs at least one.")
    return None


def _addresses(name: str) -> Callable[[ClientForm], str | None]:
    def check(form: ClientForm) -> str | None:
        wrong = next((uri for uri in lines(getattr(form, name)) if not _is_target(uri)), None)
        if wrong is None:
            return None
        return _(
            "“{text}” is no address to send a browser to. Write it whole, and without a # part."
        ).format(text=wrong)

    return check


def _website(name: str) -> Callable[[ClientForm], str | None]:
    def check(form: ClientForm) -> str | None:
        url = getattr(form, name).strip()
        if not url or _is_website(url):
            return None
        return _("This is no web address: it starts with https:// and names a host.")

    return check


def _contacts_problem(form: ClientForm) -> str | None:
    wrong = next((text for text in lines(form.contacts) if not _is_email(text)), None)
    if wrong is None:
        return None
    return _("“{text}” is no e-mail address. Write one a line, like ann@example.org.").format(
        text=wrong
    )


def _one_of(name: str, known: Iterable[str]) -> Callable[[ClientForm], str | None]:
    def check(form: ClientForm) -> str | None:
        return None if getattr(form, name) in known else _("Choose one of these.")

    return check


def _is_target(uri: str) -> bool:
    """An app's own scheme is one too (RFC 8252, 7.1); what runs in the browser is none."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        return False
    if len(uri) > MAX_URI or "#" in uri or not uri.isascii() or " " in uri or "\\" in uri:
        return False
    if not _SCHEME.fullmatch(parts.scheme) or parts.scheme.lower() in _DANGEROUS:
        return False
    return bool(host) if parts.scheme in ("http", "https") else len(uri) > len(parts.scheme) + 1


def _is_email(text: str) -> bool:
    try:
        return bool(canonical_email(text))
    except InvalidEmailError:
        return False


def _is_website(url: str) -> bool:
    return url.partition(":")[0].lower() in ("http", "https") and _is_target(url.partition("#")[0])


_CHECKS: Final[dict[str, Callable[[ClientForm], str | None]]] = {
    "client_name": _name_problem,
    "redirect_uris": _addresses("redirect_uris"),
    "post_logout_redirect_uris": _addresses("post_logout_redirect_uris"),
    "scope": _registered_scope_problem,
    "grant_types": lambda form: None if form.grant_types else _("Choose at least one."),
    "token_endpoint_auth_method": _one_of("token_endpoint_auth_method", AUTH_METHODS),
    "client_uri": _website("client_uri"),
    "policy_uri": _website("policy_uri"),
    "tos_uri": _website("tos_uri"),
    "logo_uri": _website("logo_uri"),
    "jwks_uri": _website("jwks_uri"),
    "contacts": _contacts_problem,
    "required_scopes": lambda form: _scope_problem(form.required_scopes),
    "longest_grant": _duration_problem,
}
