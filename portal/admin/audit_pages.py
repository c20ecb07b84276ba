"""What an administrator sees of the audit trail."""

from datetime import datetime
from typing import ClassVar, Final

import msgspec

from portal.admin.searching import Choice
from portal.page import Page

WORDS: Final[dict[str, str]] = {
    "login.succeeded": "Signed in to an app",
    "login.failed": "Sign-in failed",
    "login.rejected": "Sign-in cancelled",
    "portal.signed_in": "Signed in here",
    "logout.completed": "Signed out",
    "device.verified": "Device code accepted",
    "consent.allowed": "Allowed",
    "consent.denied": "Denied",
    "consent.refused": "Refused without asking",
    "grant.used": "Used without asking",
    "grant.expired": "Time is over",
    "grant.narrowed": "Permissions taken away",
    "grant.revoked": "Access removed",
    "grant.restored": "Removal taken back",
    "grant.revoked_at_ory": "Found removed at Ory",
    "grant.imported": "Found at Ory, unknown here",
    "grant.widened": "Found wider at Ory",
    "grant.abandoned": "Found here, never arrived at Ory",
    "grant.revived": "Found at Ory after its removal",
    "bulk.started": "Removal of many started",
    "bulk.stopped": "Removal of many stopped",
    "bulk.finished": "Removal of many finished",
    "grants.exported": "Connected apps exported",
    "audit.exported": "Audit trail exported",
    "reconciliation.started": "Comparison with Ory started",
    "reconciliation.finished": "Comparison with Ory finished",
    "login.factor_failed": "Second step failed",
    "session.ended": "Signed out in one place",
    "sessions.ended": "Signed out everywhere else",
    "user.created": "User created",
    "user.invited": "User invited",
    "user.invitation_withdrawn": "Invitation withdrawn",
    "user.registered": "User registered",
    "user.imported": "User imported",
    "user.disabled": "User shut out",
    "user.enabled": "User let in again",
    "user.unlocked": "Waiting time lifted",
    "user.admin_granted": "Made an administrator",
    "user.admin_withdrawn": "No longer an administrator",
    "user.deleted": "Account deleted",
    "user.password_set": "Password set",
    "user.password_changed": "Password changed by its owner",
    "user.password_reset": "Password reset by mail",
    "user.password_expired": "New password demanded",
    "user.reset_asked": "Password reset asked for",
    "user.email_change_asked": "Change of address asked for",
    "user.email_change_refused": "Change of address refused",
    "user.email_changed": "E-mail address changed",
    "user.email_verified": "E-mail address confirmed",
    "user.profile_changed": "Profile changed",
    "user.attributes_changed": "Attributes changed",
    "factor.added": "Second factor added",
    "factor.renamed": "Second factor renamed",
    "factor.removed": "Second factor removed",
    "factor.codes_made": "Recovery codes made",
    "factors.reset": "Second factors reset",
    "client.created": "App registered",
    "client.updated": "App changed",
    "client.deleted": "App deleted",
    "policy.changed": "Policy of an app changed",
}
"""Every action of the audit trail, in the words on screen."""
GROUPS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "sign-ins": (
        "Signing in and out",
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
        "Decisions",
        ("consent.allowed", "consent.denied", "consent.refused", "grant.used"),
    ),
    "access": (
        "Access that ended or changed",
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
        "Comparing with Ory",
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
        "Accounts and how they are protected",
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
        "Administration",
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
ACTORS: Final = {"system": "The portal", "cli": "The command line"}
NOBODY: Final = "Nobody signed in"


class EventRowView(msgspec.Struct, frozen=True, kw_only=True):
    """One event."""

    id: str
    at: datetime
    action: str
    words: str
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


class AuditPage(Page, frozen=True, kw_only=True):
    """The audit trail, searched by who, whose, app, what and when."""

    template: ClassVar[str] = "admin/audit/search.html"
    partial: ClassVar[str | None] = "admin/audit/_results.html"
    challenge: ClassVar[str | None] = None
    groups: ClassVar[tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]] = tuple(
        (name, title, tuple((action, WORDS[action]) for action in actions))
        for name, (title, actions) in GROUPS.items()
    )

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
    next_text: str = "Show older ones"
    first_url: str | None = None
    export_urls: tuple[tuple[str, str], ...] = ()


class EventPage(Page, frozen=True, kw_only=True):
    """All that is kept of one event."""

    template: ClassVar[str] = "admin/audit/one.html"
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = True
    row: EventRowView
    detail: str
    """The rest of it, as JSON."""
