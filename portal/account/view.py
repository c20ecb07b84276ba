"""The account pages made from a person's grants."""

import hashlib
import math
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from portal.account.pages import (
    AppPage,
    AppsPage,
    ChangePage,
    ConnectedApp,
    DisconnectPage,
    PermissionView,
    ServiceView,
    State,
)
from portal.apps import AppView
from portal.attributes import AttributeCatalog
from portal.claims import shown_data
from portal.grants import (
    Policy,
    chosen_duration,
    remembered_since,
    remembered_until,
    remembers,
    remembers_something,
    span_in_words,
    state_of,
    undoable,
    was_narrowed,
)
from portal.i18n import gettext as _
from portal.scopes import Scope, ScopeCatalog
from portal.store.tables import GrantRecord, Revocation, User
from portal.writing import quoted

PATIENCE: Final = timedelta(seconds=4)
"""After an undo is over: until then the background job has usually told Ory."""

_STATES: Final[dict[str, State]] = {
    "active": "active",
    "expired": "expired",
    "pending": "pending",
    "revoked": "removed",
    "at_ory": "removed",
}


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One grant with everything that its person is shown of it."""

    grant: GrantRecord
    policy: Policy
    pending: tuple[Revocation, ...] = ()
    user: User
    attributes: AttributeCatalog
    now: datetime

    @property
    def app(self) -> AppView:
        """The app, from what the grant keeps of it."""
        grant = self.grant
        return AppView.remembered(
            grant.client_id, grant.client_name, grant.client_uri, verified=self.policy.verified
        )

    @property
    def waiting(self) -> Revocation | None:
        """The deletion that can still be undone."""
        return undoable(self.grant, self.pending, now=self.now)


def apps_page(
    user: User, cases: Iterable[Case], catalog: ScopeCatalog, *, notice: str | None = None
) -> AppsPage:
    """Every app that has access, or had it until a moment ago."""
    shown = [connected(case, catalog) for case in cases if case.grant.revoke_synced_at is None]
    shown.sort(key=lambda app: (app.state == "undoable", app.last_used), reverse=True)
    return AppsPage(account=user.email, is_admin=user.admin, apps=tuple(shown), notice=notice)


def app_page(case: Case, catalog: ScopeCatalog) -> AppPage:
    """What has become of one app, to take its place in the list."""
    return AppPage(connected=connected(case, catalog))


def connected(case: Case, catalog: ScopeCatalog) -> ConnectedApp:
    """One app of the list."""
    grant, policy, waiting = case.grant, case.policy, case.waiting
    state = _state(case)
    return ConnectedApp(
        client_id=grant.client_id,
        app=case.app,
        permissions=permissions(case, catalog),
        services=tuple(ServiceView(value=name) for name in grant.audience),
        since=grant.granted_at,
        last_used=grant.last_accept_at,
        remembered=remembers_something(grant),
        expires=remembered_until(grant, policy),
        lasted=_lasted(case) if state == "expired" else "",
        narrowed=was_narrowed(grant),
        state=state,
        refresh_after=_seconds_left(waiting, case.now) if waiting else 0,
    )


def disconnect_page(
    case: Case, catalog: ScopeCatalog, *, error: str | None = None
) -> DisconnectPage:
    """The question; *error* is why the same form came back."""
    return DisconnectPage(
        status=403 if error else 200,
        error=error,
        app=case.app,
        client_id=case.grant.client_id,
        permissions=permissions(case, catalog),
    )


def change_page(
    case: Case,
    catalog: ScopeCatalog,
    *,
    scopes: Collection[str] | None = None,
    audience: Collection[str] | None = None,
    status: int = 200,
    error: str | None = None,
) -> ChangePage:
    """The question what is left to the app; *scopes* and *audience* are what stays ticked, without
    them everything.
    """
    grant = case.grant
    return ChangePage(
        status=status,
        error=error,
        app=case.app,
        client_id=grant.client_id,
        seen=fingerprint(grant),
        permissions=permissions(case, catalog, ticked=scopes),
        services=tuple(
            ServiceView(value=name, ticked=audience is None or name in audience)
            for name in grant.audience
        ),
        remembered=remembers(grant, case.policy, now=case.now),
    )


def permissions(
    case: Case, catalog: ScopeCatalog, *, ticked: Collection[str] | None = None
) -> tuple[PermissionView, ...]:
    """What the app may do, in words, and the data that it sees by it."""
    some = remembers(case.grant, case.policy, now=case.now)
    return tuple(
        PermissionView(
            scope=scope,
            title=words.title,
            description=words.description,
            data=shown_data(case.user, scope, catalog=catalog, attributes=case.attributes),
            emphasised=words.emphasised,
            caution=words.caution,
            asks=some and scope not in case.grant.remembered_scopes,
            needed=scope in case.policy.required_scopes,
            ticked=ticked is None or scope in ticked,
        )
        for scope, words in _described(case.grant.scopes, catalog)
    )


def needs(case: Case, missing: Sequence[str], catalog: ScopeCatalog) -> str:
    """Why *missing* cannot be taken from the app alone: the operator says that it needs that."""
    titles = quoted(words.title for __, words in _described(missing, catalog))
    text = _("{app} needs {permissions}: keep that ticked, or remove its access instead.")
    return text.format(app=case.app.name, permissions=titles)


def fingerprint(grant: GrantRecord) -> str:
    """What was shown, in short: nothing is unticked that came after it."""
    shown = msgspec.json.encode([sorted(grant.scopes), sorted(grant.audience)])
    return hashlib.sha256(shown).hexdigest()[:16]


def _described(scopes: Iterable[str], catalog: ScopeCatalog) -> list[tuple[str, Scope]]:
    return [(scope, catalog.describe(scope)) for scope in scopes]


def _state(case: Case) -> State:
    if case.waiting is not None:
        return "undoable"
    return _STATES[state_of(case.grant, case.policy, now=case.now)]


def _lasted(case: Case) -> str:
    """For how long its person chose, if it lasted that long; nothing where the operator's limit
    was shorter.
    """
    grant, chosen = case.grant, chosen_duration(case.grant)
    until = remembered_until(grant, case.policy)
    if chosen is None or until is None or until < remembered_since(grant) + chosen:
        return ""
    return span_in_words(chosen)


def _seconds_left(waiting: Revocation, now: datetime) -> int:
    return math.ceil((waiting.due_at + PATIENCE - now).total_seconds())
