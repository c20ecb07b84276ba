"""What an administrator sees of the audit trail."""

from datetime import datetime
from typing import ClassVar, Final

import msgspec

from portal.admin.search_pages import SearchPage
from portal.admin.searching import Choice
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.page import Page

WORDS: Final[dict[str, str]] = {
    "login.succeeded": N_("Signed in to an app"),
    "login.failed": N_("Sign-in failed"),
    "login.rejected": N_("Sign-in cancelled"),
    "portal.signed_in": N_("Signed in here"),
    "logout.completed": N_("Signed out"),
    "device.verified": N_("Device code accepted"),
    "consent.allowed": N_("Allowed"),
    "consent.denied": N_("Denied"),
    "consent.refused": N_("Refused without asking"),
    "grant.used": N_("Used without asking"),
    "grant.expired": N_("Time is over"),
    "grant.narrowed": N_("Permissions taken away"),
    "grant.revoked": N_("Access removed"),
    "grant.restored": N_("Removal taken back"),
    "grant.revoked_at_ory": N_("Found removed at Ory"),
    "grant.imported": N_("Found at Ory, unknown here"),
    "grant.widened": N_("Found wider at Ory"),
    "grant.abandoned": N_("Found here, never arrived at Ory"),
    "grant.revived": N_("Found at Ory after its removal"),
    "bulk.started": N_("Bulk removal started"),
    "bulk.stopped": N_("Removal of many stopped"),
    "bulk.finished": N_("Removal of many finished"),
    "grants.exported": N_("Connected apps exported"),
    "audit.exported": N_("Audit trail exported"),
    "reconciliation.started": N_("Comparison with Ory started"),
    "reconciliation.finished": N_("Comparison with Ory finished"),
    "login.factor_failed": N_("Second step failed"),
    "session.ended": N_("Signed out in one place"),
    "sessions.ended": N_("Signed out everywhere else"),
    "user.created": N_("User created"),
    "user.invited": N_("User invited"),
    "user.invitation_withdrawn": N_("Invitation withdrawn"),
    "user.registered": N_("User registered"),
    "user.imported": N_("User imported"),
    "user.disabled": N_("User shut out"),
    "user.enabled": N_("User let in again"),
    "user.unlocked": N_("Waiting time lifted"),
    "user.admin_granted": N_("Made an administrator"),
    "user.admin_withdrawn": N_("No longer an administrator"),
    "user.deleted": N_("Account deleted"),
    "user.password_set": N_("Password set"),
    "user.password_changed": N_("Password changed by its owner"),
    "user.password_reset": N_("Password reset by mail"),
    "user.password_expired": N_("New password demanded"),
    "user.reset_asked": N_("Password reset asked for"),
    "user.email_change_asked": N_("Change of address asked for"),
    "user.email_change_refused": N_("Change of address refused"),
    "user.email_changed": N_("E-mail address changed"),
    "user.email_verified": N_("E-mail address confirmed"),
    "user.profile_changed": N_("Profile changed"),
    "user.attributes_changed": N_("Attributes changed"),
    "factor.added": N_("Second factor added"),
    "factor.renamed": N_("Second factor renamed"),
    "factor.removed": N_("Second factor removed"),
    "factor.codes_made": N_("Recovery codes made"),
    "factors.reset": N_("Second factors reset"),
    "client.created": N_("App registered"),
    "client.updated": N_("App changed"),
    "client.deleted": N_("App deleted"),
    "policy.changed": N_("Policy of an app changed"),
}
"""Every action of the audit trail, in the words on screen."""
GROUPS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "sign-ins": (
        N_("Signing in and out"),
        (
            "login.succeeded",
            "login.failed",
            "login.rejected",
            "login.factor_failed",
            "portal.signed_in",
            "logout.completed",
            "session.ended",
            "sessions.ended",
            "device.verified",
        ),
    ),
    "decisions": (
        N_("Decisions"),
        ("consent.allowed", "consent.denied", "consent.refused", "grant.used"),
    ),
    "access": (
        N_("Access that ended or changed"),
        (
            "grant.revoked",
            "grant.narrowed",
            "grant.restored",
            "grant.expired",
            "bulk.started",
            "bulk.stopped",
            "bulk.finished",
        ),
    ),
    "drift": (
        N_("Comparing with Ory"),
        (
            "grant.revoked_at_ory",
            "grant.imported",
            "grant.widened",
            "grant.abandoned",
            "grant.revived",
            "reconciliation.started",
            "reconciliation.finished",
        ),
    ),
    "accounts": (
        N_("Accounts and how they are protected"),
        (
            "user.registered",
            "user.password_changed",
            "user.password_reset",
            "user.reset_asked",
            "user.email_change_asked",
            "user.email_change_refused",
            "user.email_changed",
            "user.email_verified",
            "user.profile_changed",
            "user.deleted",
            "factor.added",
            "factor.renamed",
            "factor.removed",
            "factor.codes_made",
        ),
    ),
    "administration": (
        N_("Administration"),
        (
            "user.created",
            "user.invited",
            "user.invitation_withdrawn",
            "user.imported",
            "user.disabled",
            "user.enabled",
            "user.unlocked",
            "user.admin_granted",
            "user.admin_withdrawn",
            "user.password_set",
            "user.password_expired",
            "user.attributes_changed",
            "factors.reset",
            "client.created",
            "client.updated",
            "client.deleted",
            "policy.changed",
            "grants.exported",
            "audit.exported",
        ),
    ),
}
"""What belongs together, by the name that an address has for it; each action is in one."""
ACTORS: Final = {"system": N_("The portal"), "cli": N_("The command line")}
NOBODY: Final = N_("Nobody signed in")


def actor_in_words(actor: str) -> str:
    """What acts without being a person; a subject stays."""
    return _(ACTORS[actor]) if actor in ACTORS else actor


class EventRowView(msgspec.Struct, frozen=True, kw_only=True):
    """One event."""

    id: str
    at: datetime
    action: str
    actor: str | None = None
    """A subject, where a person did it."""
    actor_text: str = NOBODY
    subject: str | None = None
    email: str | None = None
    """Of ``subject``, if somebody here has it."""
    client_id: str | None = None
    app_name: str | None = None
    permissions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What else is known about it, in words."""
    address: str = ""
    user_agent: str = ""

    @property
    def words(self) -> str:
        """What happened; an action that there are no words for, by its name."""
        return _(WORDS.get(self.action, self.action))


class AuditPage(SearchPage, frozen=True, kw_only=True):
    """The audit trail, searched by who, whose, app, what and when."""

    template: ClassVar[str] = "admin/audit/search.html"
    partial: ClassVar[str | None] = "admin/audit/_results.html"
    challenge: ClassVar[str | None] = None
    account: str
    is_admin: bool = True
    actor: str = ""
    user: str = ""
    client: str = ""
    what: str = ""
    since: str = ""
    until: str = ""
    order: Choice
    searched: bool = False
    """Whether the rows are a selection."""
    rows: tuple[EventRowView, ...] = ()
    total_text: str = ""
    cautions: tuple[str, ...] = ()
    """What the results leave out."""
    presets: tuple[tuple[str, str], ...] = ()
    """Addresses of the same search in other times, and what they read."""
    next_url: str | None = None
    """The following rows of the same search; relative to the portal's prefix, like the others."""
    next_text: str = ""
    first_url: str | None = None
    export_urls: tuple[tuple[str, str], ...] = ()

    @property
    def groups(self) -> tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]:
        """What can be chosen of all that happens: names, and what they read."""
        return tuple(
            (name, _(title), tuple((action, _(WORDS[action])) for action in actions))
            for name, (title, actions) in GROUPS.items()
        )

    @property
    def knows_what(self) -> bool:
        """Whether what was chosen is one of these."""
        return not self.what or self.what in GROUPS or self.what in WORDS


class EventPage(Page, frozen=True, kw_only=True):
    """All that is kept of one event."""

    template: ClassVar[str] = "admin/audit/one.html"
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = True
    row: EventRowView
    detail: str
    """The rest of it, as JSON."""
