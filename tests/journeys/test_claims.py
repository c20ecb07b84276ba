"""Somebody who came by an import signs in with the old password, and an own scope with its claims
reaches the app: the pages show the data, the ID token and userinfo hold it, the access token none.
"""

import base64
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.driver import Browser
from tests.hydra.server import HydraSettings, free_port
from tests.journeys.steps import allow, code_at, open_portal, sign_in
from tests.real.hydra import RealHydra
from tests.real.ory import program_of, running_ory
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App, RelyingParty

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
ANN = Person(
    email="ann@example.org",
    password="correct horse battery staple",
    subject="f2c1b0a4-8a51-4f6e-9a0a-0c4a1c1a2b01",
)


@pytest.fixture(scope="module")
def told(
    ory_name: str, http_client: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealPortal]:
    """A portal with the files of the documentation, and the people of Keycloak's example."""
    directory, port = tmp_path_factory.mktemp("claims"), free_port()
    settings = HydraSettings(
        bin=program_of(ory_name),
        portal_url=f"http://localhost:{port}",
        log=directory / "hydra.log",
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(running_ory(ory_name, settings))
        hydra = RealHydra(settings=settings, http=http_client)
        portal = RealPortal(
            hydra=hydra,
            admin_url=hydra.admin_url,
            port=port,
            database_url=f"sqlite:///{directory / 'portal.db'}",
            directory=directory,
            settings={
                "PORTAL_ATTRIBUTES": str(EXAMPLES / "attributes.toml"),
                "PORTAL_SCOPE_CATALOG": str(EXAMPLES / "scopes.toml"),
            },
        )
        stack.enter_context(portal.running())
        portal.cli("users", "import", str(EXAMPLES / "keycloak.jsonl"))
        portal.cli(
            *("users", "attributes", ANN.email, "cost_centre=4711", "groups=readers, writers"),
            *("external=yes", "phone_number=+49 30 123456", "birthdate=1990-12-31"),
            *("address.locality=Berlin", "address.country=Germany"),
        )
        yield portal


@pytest.fixture
def app(told: RealPortal, relying_party: RelyingParty) -> App:
    return told.hydra.create_client(
        relying_party,
        scope="openid offline profile email phone address work payroll.read",
    )


def claims_of(id_token: str) -> dict[str, Any]:
    body = id_token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


async def test_an_own_scope_brings_its_claims_to_the_app(browser: Browser, app: App) -> None:
    await browser.open(app.authorize_url("openid work payroll.read phone", ui_locales="en"))
    page = await sign_in(browser, ANN)
    assert "See where you work" in page.text
    assert "Department: Research Cost centre: 4711 Groups: readers, writers" in page.text
    assert "Name: Ann Example Date of birth: 31 December 1990 Cost centre: 4711" in page.text
    assert "Works for a supplier (not shown here)" in page.text
    assert "Works for a supplier: yes" not in page.text  # it is hidden from people
    await allow(browser, "openid", "work", "phone")
    tokens = app.exchange(code_at(browser.page, app))
    expected = {
        "department": "Research",
        "cost_centre": "4711",
        "groups": ["readers", "writers"],
        "phone_number": "+4930123456",
        "phone_number_verified": False,
    }
    for told in (claims_of(tokens["id_token"]), app.userinfo(tokens["access_token"]).json()):
        assert told["sub"] == ANN.subject
        assert expected.items() <= told.items()
        assert not {"birthdate", "external", "name", "email", "address"} & told.keys()
    seen = app.introspect(tokens["access_token"])
    assert not {*expected, "email"} & {*seen, *(seen.get("ext") or {})}


async def test_the_standard_scopes_tell_what_the_standard_says(browser: Browser, app: App) -> None:
    await browser.open(app.authorize_url("openid profile email address", ui_locales="en"))
    await sign_in(browser, ANN)
    await allow(browser, "openid", "profile", "email", "address")
    tokens = app.exchange(code_at(browser.page, app))
    for told in (claims_of(tokens["id_token"]), app.userinfo(tokens["access_token"]).json()):
        assert (told["name"], told["given_name"], told["locale"]) == ("Ann Example", "Ann", "de")
        assert (told["email"], told["email_verified"]) == (ANN.email, True)
        assert told["address"]["formatted"] == "Berlin\nGermany"
        assert told["updated_at"] > 1_700_000_000
        assert "department" not in told


async def test_the_person_sees_the_data_among_their_apps(
    browser: Browser, told: RealPortal, app: App
) -> None:
    await browser.open(app.authorize_url("openid work", ui_locales="en"))
    await sign_in(browser, ANN)
    await allow(browser, "openid", "work")
    page = await open_portal(browser, told, "/account/apps", ANN)
    assert "Abteilung: Research Kostenstelle: 4711" in page.text  # their own language is German
