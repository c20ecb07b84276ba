"""A person at work on the apps that they connected: what they do by the flow, and when."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal import jobs
from portal.account import flow
from portal.account.forms import AppForm, ChangeForm
from portal.account.pages import AppPage, AppsPage, ChangePage
from portal.account.view import fingerprint
from portal.consent import flow as consent
from portal.consent.pages import ConsentPage
from portal.origin import Origin
from portal.ory.models import RedirectTo
from portal.page import GoTo
from portal.services import Visitor
from portal.store.tables import GrantRecord, Revocation
from tests.doubles.ory import OryDouble
from tests.fixtures.portal import Portal
from tests.real.portal import Person

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
"""Gone by: ids of decisions that are made meanwhile are younger."""
LONG_AGO = NOW - timedelta(days=1)
UNDO_FOR = timedelta(seconds=8)
"""As the setting is by default."""


def visitor(at: datetime = NOW) -> Visitor:
    return Visitor(browser_hash="b" * 64, origin=Origin(), now=at)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Ann in front of the portal; *client_id* is always the app that a test is about."""

    portal: Portal
    ory: OryDouble
    person: Person

    async def connect(self, **fields: Any) -> None:
        """Let the app have been connected yesterday, and listed by Ory."""
        usual: dict[str, Any] = {
            "granted_at": LONG_AGO,
            "last_accept_at": LONG_AGO,
            "hydra_scopes": ["openid", "email"],
            "listable": True,
        }
        await self.portal.add_grant(self.person, **usual | fields)
        self.ory.plant_consent_session(self.person.subject, "photos")

    async def disconnect(self, at: datetime = NOW, client_id: str = "photos") -> GoTo:
        user = await self.portal.user(self.person)
        form = AppForm(client_id=client_id)
        services = self.portal.services
        return await flow.disconnect(form, user, visitor=visitor(at), services=services)

    async def undo(
        self, at: datetime = NOW, client_id: str = "photos", *, person: Person | None = None
    ) -> str:
        """What the person is told, by its name."""
        user = await self.portal.user(person or self.person)
        form = AppForm(client_id=client_id)
        services = self.portal.services
        told = await flow.undo(form, user, visitor=visitor(at), services=services)
        return told.path.removeprefix("/account/apps?notice=")

    async def narrow(
        self, *scopes: str, audience: tuple[str, ...] = (), at: datetime = NOW, seen: str = ""
    ) -> GoTo | ChangePage:
        """Save with only *scopes* and *audience* ticked; the form is as the grant is now, unless
        it was *seen* otherwise.
        """
        form = ChangeForm(
            client_id="photos",
            seen=seen or fingerprint(await self.grant()),
            grant_scope=scopes,
            grant_audience=audience,
        )
        return await flow.narrow(
            form,
            await self.portal.user(self.person),
            visitor=visitor(at),
            services=self.portal.services,
        )

    async def page(self, at: datetime = NOW) -> AppsPage:
        user = await self.portal.user(self.person)
        return await flow.show(user, visitor=visitor(at), services=self.portal.services)

    async def one(self, at: datetime = NOW) -> AppPage:
        user = await self.portal.user(self.person)
        services = self.portal.services
        return await flow.show_one(user, "photos", visitor=visitor(at), services=services)

    async def arrive(
        self, *scopes: str, at: datetime = NOW, **fields: Any
    ) -> RedirectTo | ConsentPage | GoTo:
        """The app comes and asks for *scopes*."""
        challenge = self.ory.plant_consent(
            subject=self.person.subject,
            requested_scope=list(scopes),
            context={"epoch": 0},
            **fields,
        )
        return await consent.begin(challenge, visitor=visitor(at), services=self.portal.services)

    async def work(self, at: datetime) -> int:
        """What the background job does at that time."""
        return await jobs.work_off(self.portal.services, now=at)

    async def grant(self) -> GrantRecord:
        found = await self.portal.grant(self.person)
        assert found is not None
        return found

    async def pending(self) -> tuple[Revocation, ...]:
        async with self.portal.store.reading() as rows:
            return await rows.revocations.pending_for(self.person.subject, "photos")

    async def detail(self, action: str) -> dict[str, Any]:
        """What the audit trail tells about the one event of that kind."""
        async with self.portal.store.reading() as rows:
            page = await rows.audit.list_page(after=None, limit=1000)
        (event,) = [event for event in page.events if event.action == action]
        assert (event.actor, event.subject) == (self.person.subject, self.person.subject)
        return event.detail

    @property
    def deletions(self) -> list[tuple[str, dict[str, str]]]:
        return self.ory.deletions

    @property
    def the_pair(self) -> tuple[str, dict[str, str]]:
        return ("consent", {"subject": self.person.subject, "client": "photos"})


@pytest.fixture
def desk(portal: Portal, ory: OryDouble, ann: Person) -> Desk:
    return Desk(portal=portal, ory=ory, person=ann)
