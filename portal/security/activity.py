"""What happened to an account, in words for its person: app names, and nothing that only operators
need.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from portal.i18n import N_
from portal.i18n import gettext as _
from portal.origin import browser_in_words
from portal.security.pages import ActivityView
from portal.store import AuditSearch, Rows
from portal.store.audit import AuditPage, Position
from portal.store.tables import AuditEvent, User

MAX_NAME: Final = 80
WORDS: Final[dict[str, str]] = {
    "login.succeeded": N_("Signed in to “{app}”"),
    "login.failed": N_("Somebody gave a wrong password"),
    "login.factor_failed": N_("Somebody gave the right password, but failed at the second step"),
    "portal.signed_in": N_("Signed in to these pages"),
    "logout.completed": N_("Signed out"),
    "device.verified": N_("A device was connected"),
    "consent.allowed": N_("“{app}” was allowed to use your account"),
    "consent.denied": N_("“{app}” was denied what it asked for"),
    "grant.narrowed": N_("What “{app}” may do was reduced"),
    "grant.revoked": N_("The access of “{app}” was removed"),
    "grant.restored": N_("The removal of “{app}” was undone"),
    "grant.revoked_at_ory": N_("The access of “{app}” was found removed"),
    "session.ended": N_("Signed out in one place"),
    "sessions.ended": N_("Signed out everywhere else"),
    "user.created": N_("The account was created"),
    "user.registered": N_("The account was created"),
    "user.imported": N_("The account was brought here from another system"),
    "user.enabled": N_("The account was opened again"),
    "user.disabled": N_("The account was closed"),
    "user.unlocked": N_("A waiting time after wrong passwords was lifted"),
    "user.admin_granted": N_("The account became that of an administrator"),
    "user.admin_withdrawn": N_("The account is no administrator's any more"),
    "user.password_set": N_("A new password was set"),
    "user.password_changed": N_("The password was changed"),
    "user.password_reset": N_("The password was reset by mail"),
    "user.password_expired": N_("A new password was demanded"),
    "user.reset_asked": N_("A password reset was asked for"),
    "user.email_change_asked": N_("Another e-mail address was asked for"),
    "user.email_change_refused": N_("Another e-mail address was refused"),
    "user.email_changed": N_("The e-mail address was changed"),
    "user.email_verified": N_("The e-mail address was confirmed"),
    "user.profile_changed": N_("Your data was changed"),
    "user.attributes_changed": N_("What your organisation keeps about you was changed"),
    "factor.added": N_("A second step was added"),
    "factor.renamed": N_("A second step was renamed"),
    "factor.removed": N_("A second step was removed"),
    "factor.codes_made": N_("New recovery codes were made"),
    "factors.reset": N_("All second steps were removed"),
}
"""What a person is told of; silent and technical events are for the audit trail alone."""
OF_AN_APP: Final[dict[str, str]] = {
    "login.succeeded": N_("Signed in to an app"),
    "consent.allowed": N_("An app was allowed to use your account"),
    "consent.denied": N_("An app was denied what it asked for"),
    "grant.narrowed": N_("What an app may do was reduced"),
    "grant.revoked": N_("The access of an app was removed"),
    "grant.restored": N_("The removal of an app was undone"),
    "grant.revoked_at_ory": N_("The access of an app was found removed"),
}
"""The same where nobody knows what the app is called."""
OF_A_FACTOR: Final[dict[tuple[str, str], str]] = {
    ("login.factor_failed", "code"): N_("Somebody gave the right password, but a wrong code"),
    ("login.factor_failed", "passkey"): N_(
        "Somebody knew the password, but had no passkey that fits"
    ),
    ("factor.added", "passkey"): N_("The passkey “{name}” was added"),
    ("factor.added", "totp"): N_("The authenticator app “{name}” was added"),
    ("factor.renamed", "passkey"): N_("The passkey “{before}” is called “{name}” now"),
    ("factor.renamed", "totp"): N_("The authenticator app “{before}” is called “{name}” now"),
    ("factor.removed", "passkey"): N_("The passkey “{name}” was removed"),
    ("factor.removed", "totp"): N_("The authenticator app “{name}” was removed"),
}
"""The same where it was noted which second step it was about, by its kind."""
NAMED_IN: Final = ("name", "before")
WARNS: Final = frozenset({"login.failed", "login.factor_failed"})
ACTIONS: Final = tuple(WORDS)
BY: Final = {"cli": N_("By the operator"), "system": N_("By the portal")}
BY_ADMIN: Final = N_("By an administrator")


async def recent(
    rows: Rows, user: User, *, after: Position | None, limit: int
) -> tuple[tuple[ActivityView, ...], AuditPage]:
    """The next events of the account, the newest first, in words; and the page that they are of."""
    search = AuditSearch(subjects=(user.subject,), actions=ACTIONS)
    found = await rows.audit.list_page(search, after=after, limit=limit)
    names = {
        grant.client_id: grant.client_name for grant in await rows.grants.of_subject(user.subject)
    }
    return tuple(in_words(found.events, user, names)), found


def in_words(
    events: Iterable[AuditEvent], user: User, app_names: Mapping[str, str]
) -> Iterable[ActivityView]:
    """Each event as its person is told of it."""
    for event in events:
        own = event.actor in (None, user.subject)
        yield ActivityView(
            at=event.occurred_at,
            words=_words(event, app_names),
            by=_by(event.actor, user),
            warns=event.action in WARNS,
            address=event.address if own else "",
            browser=browser_in_words(event.user_agent) if own and event.user_agent else "",
        )


def _words(event: AuditEvent, app_names: Mapping[str, str]) -> str:
    """What it was, with as much as is known of what it was about."""
    of_factor = OF_A_FACTOR.get((event.action, str(event.detail.get("kind"))))
    names = {name: event.detail.get(name) for name in NAMED_IN}
    if of_factor is not None and all(
        isinstance(names[name], str) for name in NAMED_IN if f"{{{name}}}" in of_factor
    ):
        return _(of_factor).format(**{name: str(text)[:MAX_NAME] for name, text in names.items()})
    app = _app(event, app_names)
    if not app and event.action in OF_AN_APP:
        return _(OF_AN_APP[event.action])
    return _(WORDS[event.action]).format(app=app)


def _app(event: AuditEvent, names: Mapping[str, str]) -> str:
    """Its name as it was noted, or as the person knows it; never a client id."""
    noted = event.detail.get("app")
    name = noted if isinstance(noted, str) and noted else names.get(event.client_id or "", "")
    return "" if name == event.client_id else name[:MAX_NAME]


def _by(actor: str | None, user: User) -> str:
    return "" if actor in (None, user.subject) else _(BY.get(actor or "", BY_ADMIN))
