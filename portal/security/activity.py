"""What happened to an account, in words for its person: app names, and nothing that only operators
need.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from portal.origin import browser_in_words
from portal.security.pages import ActivityView
from portal.store import AuditSearch, Rows
from portal.store.audit import AuditPage, Position
from portal.store.tables import AuditEvent, User

AN_APP: Final = "an app"
MAX_NAME: Final = 80
WORDS: Final[dict[str, str]] = {
    "login.succeeded": "Signed in to {app}",
    "login.failed": "Somebody gave a wrong password",
    "login.factor_failed": "Somebody gave the right password, but failed at the second step",
    "portal.signed_in": "Signed in to these pages",
    "logout.completed": "Signed out",
    "device.verified": "A device was connected",
    "consent.allowed": "{app} was allowed to use your account",
    "consent.denied": "{app} was denied what it asked for",
    "grant.narrowed": "What {app} may do was reduced",
    "grant.revoked": "The access of {app} was removed",
    "grant.restored": "The removal of {app} was undone",
    "grant.revoked_at_ory": "The access of {app} was found removed",
    "session.ended": "Signed out in one place",
    "sessions.ended": "Signed out everywhere else",
    "user.created": "The account was created",
    "user.registered": "The account was created",
    "user.imported": "The account was brought here from another system",
    "user.enabled": "The account was opened again",
    "user.disabled": "The account was closed",
    "user.unlocked": "A waiting time after wrong passwords was lifted",
    "user.admin_granted": "The account became that of an administrator",
    "user.admin_withdrawn": "The account is no administrator's any more",
    "user.password_set": "A new password was set",
    "user.password_changed": "The password was changed",
    "user.password_reset": "The password was reset by mail",
    "user.password_expired": "A new password was demanded",
    "user.reset_asked": "A password reset was asked for",
    "user.email_change_asked": "Another e-mail address was asked for",
    "user.email_change_refused": "Another e-mail address was refused",
    "user.email_changed": "The e-mail address was changed",
    "user.email_verified": "The e-mail address was confirmed",
    "user.profile_changed": "Your data was changed",
    "user.attributes_changed": "What your organisation keeps about you was changed",
    "factor.added": "A second step was added",
    "factor.renamed": "A second step was renamed",
    "factor.removed": "A second step was removed",
    "factor.codes_made": "New recovery codes were made",
    "factors.reset": "All second steps were removed",
}
"""What a person is told of; silent and technical events are for the audit trail alone."""
WARNS: Final = frozenset({"login.failed", "login.factor_failed"})
ACTIONS: Final = tuple(WORDS)


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
            words=WORDS[event.action].format(app=_app(event, app_names)),
            by=_by(event.actor, user),
            warns=event.action in WARNS,
            address=event.address if own else "",
            browser=browser_in_words(event.user_agent) if own and event.user_agent else "",
        )


def _app(event: AuditEvent, names: Mapping[str, str]) -> str:
    """Its name as it was noted, or as the person knows it; never a client id."""
    noted = event.detail.get("app")
    name = noted if isinstance(noted, str) and noted else names.get(event.client_id or "", "")
    return f"“{name[:MAX_NAME]}”" if name and name != event.client_id else AN_APP


def _by(actor: str | None, user: User) -> str:
    if actor in (None, user.subject):
        return ""
    return {"cli": "by the operator", "system": "by the portal"}.get(
        actor or "", "by an administrator"
    )
