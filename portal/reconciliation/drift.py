"""What differs between a grant and what Ory lists of it: rules, without any I/O."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

from portal.apps import clean_name
from portal.decisions import decided_before
from portal.grants import was_narrowed
from portal.ory.models import ConsentSession, OAuth2Client, instant
from portal.store.tables import GrantRecord

REVOKED: Final = "grant.revoked_at_ory"
ABANDONED: Final = "grant.abandoned"
DELETED: Final = "client.deleted"
IMPORTED: Final = "grant.imported"
REVIVED: Final = "grant.revived"
WIDENED: Final = "grant.widened"
KINDS: Final = (REVOKED, ABANDONED, DELETED, IMPORTED, REVIVED, WIDENED)
"""Kinds of drift, by the audit event that tells what was done about it."""


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between here and Ory."""

    kind: str
    """One of :data:`KINDS`."""
    subject: str
    client_id: str
    app: str
    scopes: tuple[str, ...] = ()
    """What it is about: what was ended, imported, or added."""
    audience: tuple[str, ...] = ()


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """What Ory lists of one client for one subject: usually several consents."""

    client: OAuth2Client
    scopes: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    handled_at: datetime | None = None
    """When the newest was given; ``None`` where Ory does not say."""
    decision_id: str | None = None
    """What the newest says about its decision, which need not have been made here."""
    lasting: bool = False
    """One is listed until it is deleted; the others only for a time, although their tokens live."""
    decisions: tuple[tuple[str | None, datetime | None], ...] = ()
    """Id and moment of each."""

    @classmethod
    def of(cls, sessions: Iterable[ConsentSession]) -> dict[str, "Listed"]:
        """By client."""
        found: dict[str, list[ConsentSession]] = {}
        for session in sessions:
            found.setdefault(session.client_id, []).append(session)
        return {client_id: cls._of_one(consents) for client_id, consents in found.items()}

    @classmethod
    def _of_one(cls, sessions: list[ConsentSession]) -> "Listed":
        never = datetime.min.replace(tzinfo=UTC)
        newest = max(sessions, key=lambda each: instant(each.handled_at) or never)
        return cls(
            client=newest.consent_request.client,
            scopes=union(each.grant_scope for each in sessions),
            audience=union(each.grant_access_token_audience for each in sessions),
            handled_at=instant(newest.handled_at),
            decision_id=newest.decision_id,
            lasting=any(not each.remember_for for each in sessions),
            decisions=tuple((s.decision_id, instant(s.handled_at)) for s in sessions),
        )

    @property
    def app(self) -> str:
        """The name to show."""
        return clean_name(self.client.client_name) or clean_name(self.client.client_id)

    def has_older(self, moment: datetime) -> bool:
        """Whether one was given before *moment*: by its decision, where that tells its age."""
        return any(_is_older(*decision, moment) for decision in self.decisions)

    def has_younger(self, grant: GrantRecord) -> bool:
        """Whether one was given after what *grant* has."""
        others = [decision for decision in self.decisions if decision[0] != grant.decision_id]
        return any(not _is_older(*decision, grant.last_accept_at) for decision in others)


def judge(
    grant: GrantRecord | None, listed: Listed | None, *, gone: bool, settled_before: datetime
) -> str | None:
    """Which kind of drift there is between *grant* and what Ory lists of it, if any.

    *gone*: Ory has deleted the client. Accepts from before *settled_before* have arrived at Ory, or
    never will.
    """
    if grant is None:
        return IMPORTED if listed else None
    if grant.revoked_at is not None:
        if listed is None:
            return None
        unheard = grant.revoke_synced_at is None
        ours = any(decision_id == grant.decision_id for decision_id, _ in listed.decisions)
        dead = unheard or ours or listed.has_older(grant.revoked_at)
        return REVIVED if dead else IMPORTED
    if listed is None:
        if gone:
            return DELETED
        settled = grant.listable and grant.last_accept_at < settled_before
        return why_unlisted(grant) if settled else None
    # What was on its way when the person left it less, the second sweep deletes
    late = was_narrowed(grant) and not listed.has_younger(grant)
    return WIDENED if not late and beyond(grant, listed) != ((), ()) else None


def why_unlisted(grant: GrantRecord) -> str:
    """What it means that Ory does not list *grant* although it should by now.

    One that it listed before, or that was used again, was revoked there. Of one that was accepted
    once the browser may never have come back: then it never came to be.
    """
    was_there = grant.listed_at is not None or grant.last_accept_at > grant.granted_at
    return REVOKED if was_there else ABANDONED


def describe(
    kind: str, subject: str, client_id: str, grant: GrantRecord | None, listed: Listed | None
) -> Drift:
    """Tell what differs: of what was ended, all; of what was widened, what is new."""
    scopes: Iterable[str] = grant.scopes if grant else ()
    audience: Iterable[str] = grant.audience if grant else ()
    if listed is not None:
        scopes, audience = listed.scopes, listed.audience
    if kind == WIDENED and grant and listed:
        scopes, audience = beyond(grant, listed)
    return Drift(
        kind=kind,
        subject=subject,
        client_id=client_id,
        app=grant.client_name if grant else listed.app if listed else client_id,
        scopes=tuple(scopes),
        audience=tuple(audience),
    )


def beyond(grant: GrantRecord, listed: Listed) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Scopes and audience that Ory lists and the grant does not have."""
    return (
        tuple(scope for scope in listed.scopes if scope not in grant.scopes),
        tuple(name for name in listed.audience if name not in grant.audience),
    )


def _is_older(decision_id: str | None, handled_at: datetime | None, moment: datetime) -> bool:
    if decision_id is not None and _tells_its_age(decision_id):
        return decided_before(decision_id, moment)
    return handled_at is None or handled_at <= moment


def _tells_its_age(decision_id: str) -> bool:
    try:
        return UUID(decision_id).version == 7
    except ValueError:
        return False


def union(sets: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Everything in *sets* once, in their order."""
    return tuple(dict.fromkeys(name for each in sets for name in each))
