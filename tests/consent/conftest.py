"""The consent step without HTTP: real flows on a real store, with Ory's admin API played by the
double.
"""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from portal.attributes import AttributeCatalog
from portal.consent import flow
from portal.consent.forms import ConsentForm
from portal.consent.pages import ConsentPage
from portal.origin import Origin
from portal.ory.admin import OryAdmin
from portal.ory.models import RedirectTo
from portal.ory.transport import DirectClient
from portal.passwords import Passwords
from portal.scopes import ScopeCatalog
from portal.sealing import Sealer
from portal.services import Services, Visitor
from portal.settings import Settings
from portal.store import Store
from portal.store.tables import ClientPolicy, GrantRecord, LoginSession, User
from tests.doubles.ory import OryDouble

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BROWSER = "b" * 64
SUBJECT = "alice"


def visitor(*, browser: str | None = BROWSER, now: datetime = NOW) -> Visitor:
    return Visitor(browser_hash=browser, origin=Origin(address="192.0.2.1"), now=now)


class Desk:
    """Everything a consent test needs: Alice, her apps, her browser, and Ory."""

    def __init__(self, services: Services, double: OryDouble) -> None:
        self.services = services
        self.double = double

    def request(
        self, *, client: dict[str, Any] | None = None, query: str = "", **fields: Any
    ) -> str:
        """A consent request of Alice for app "photos", after a sign-in in her browser."""
        fields.setdefault("subject", SUBJECT)
        fields.setdefault("context", {"epoch": 0, "decision_id": "d"})
        fields.setdefault("login_session_id", "session-1")
        fields.setdefault("requested_scope", ["openid", "email"])
        if query:
            url = f"{self.double.public_url}/oauth2/auth?client_id=photos&{query}"
            fields.setdefault("request_url", url)
        return self.double.plant_consent(client, **fields)

    async def begin(self, challenge: str, **who: Any) -> ConsentPage | RedirectTo:
        return await flow.begin(challenge, visitor=visitor(**who), services=self.services)

    async def decide(
        self, challenge: str, *ticked: str, action: str = "accept", **more: Any
    ) -> ConsentPage | RedirectTo:
        who = {name: more.pop(name) for name in ("browser", "now") if name in more}
        form = msgspec.convert(
            {"consent_challenge": challenge, "action": action, "grant_scope": ticked, **more},
            ConsentForm,
        )
        return await flow.decide(form, visitor=visitor(**who), services=self.services)

    async def grant(self, subject: str = SUBJECT, client_id: str = "photos") -> GrantRecord | None:
        async with self.services.store.reading() as rows:
            return await rows.grants.find(subject, client_id)

    async def remember(
        self, *scopes: str, audience: tuple[str, ...] = (), at: datetime = NOW, **columns: Any
    ) -> None:
        """Alice allowed *scopes* earlier, and not to be asked again; Ory lists it."""
        values: dict[str, Any] = {
            "subject": SUBJECT,
            "client_id": "photos",
            "client_name": "Photos",
            "client_uri": None,
            "scopes": list(scopes),
            "audience": list(audience),
            "remembered_scopes": list(scopes),
            "remembered_audience": list(audience),
            "expires_at": None,
            "hydra_scopes": list(scopes),
            "listable": True,
            "decision_id": "before",
            "granted_at": at,
            "last_accept_at": at,
            "revoked_at": None,
            "revoke_reason": None,
            "revoke_synced_at": None,
        } | columns
        async with self.services.store.writing() as rows:
            await rows.grants.save(GrantRecord(**values))
        if columns.get("revoked_at") is None:
            self.double.plant_consent_session(SUBJECT, "photos", grant_scope=list(scopes))

    async def demand(self, client_id: str = "photos", **fields: Any) -> None:
        """The operator's policy for an app."""
        values: dict[str, Any] = {
            "verified": False,
            "required_scopes": [],
            "longest_grant": None,
            "updated_at": NOW,
            "updated_by": "admin",
        }
        async with self.services.store.writing() as rows:
            await rows.policies.save(ClientPolicy(client_id=client_id, **values | fields))

    async def change_user(self, subject: str = SUBJECT, *, disable: bool = False) -> None:
        async with self.services.store.writing() as rows:
            if disable:
                await rows.users.disable(subject, NOW)
            else:
                await rows.users.set_password(subject, password_hash="$new", at=NOW)

    async def told(self, action: str) -> dict[str, Any]:
        """The detail of the last such event."""
        async with self.services.store.reading() as rows:
            page = await rows.audit.list_page(after=None, limit=100)
        return next(event.detail for event in page.events if event.action == action)

    async def audit(self) -> list[str]:
        async with self.services.store.reading() as rows:
            page = await rows.audit.list_page(after=None, limit=100)
        return [event.action for event in reversed(page.events)]

    @property
    def accepted(self) -> list[Any]:
        return self.double.decided("consent", "accept")

    @property
    def rejected(self) -> list[str]:
        return [body["error"] for body in self.double.decided("consent", "reject") if body]


@pytest.fixture(params=[{}])
async def desk(store: Store, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """Alice is signed in as session-1 in her browser. Parametrise with environment variables."""
    double = OryDouble()
    settings = Settings.from_env({"HYDRA_ADMIN_URL": double.admin_url} | request.param)
    with Passwords(time_cost=2, memory_cost=19_456, workers=1) as passwords:
        ory = OryAdmin(
            DirectClient(double.transport()),
            base_url=double.admin_url,
            public_url=double.public_url,
            api_key=lambda: None,
        )
        services = Services(
            settings=settings,
            store=store,
            ory=ory,
            passwords=passwords,
            catalog=ScopeCatalog(),
            attributes=AttributeCatalog(),
            sealer=Sealer(settings.secret_keys),
        )
        await _sign_in(store)
        yield Desk(services, double)


async def _sign_in(store: Store) -> None:
    async with store.writing() as rows:
        await rows.users.add(
            User(
                subject=SUBJECT,
                email="alice@example.org",
                email_verified=True,
                name="Alice",
                password_hash=None,
                admin=False,
                disabled_at=None,
                epoch=0,
                created_at=NOW,
                updated_at=NOW,
            )
        )
        await rows.login_sessions.save(
            LoginSession(
                session_id_hash=_hash("session-1"),
                subject=SUBJECT,
                acr="aal1",
                amr=["pwd"],
                authenticated_at=NOW,
                epoch=0,
                remembered=True,
                browser_hash=BROWSER,
                address="192.0.2.1",
                user_agent="",
                last_used_at=NOW,
            )
        )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
