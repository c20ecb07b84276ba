"""``portal doctor`` and ``portal ory-config`` against the real Hydra, and behind the gateway."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from portal.cli.doctor.pages import NAME
from tests.fixtures.hydra import hydra_binary
from tests.hydra.server import HydraSettings, free_port, running, running_hydra, wait_for
from tests.real.certificates import Authority
from tests.real.gateway import Gateway
from tests.real.hydra import RealHydra
from tests.real.network import NetworkPortal, OryNetwork, behind
from tests.real.portal import COMMAND, RealPortal

pytestmark = [pytest.mark.hydra]

KEY = "ory_pat_canary-of-the-doctor-K8w"
PAGES = ("login page", "consent page", "logout page", "after logout", "error page")
Findings = dict[str, dict[str, Any]]


def examined(portal: RealPortal, *arguments: str, **settings: str) -> Findings:
    """The findings by name; the exit code fits them."""
    done = subprocess.run(
        [*COMMAND, "doctor", "--format", "json", *arguments],
        env=portal.environment() | settings,
        cwd=portal.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == int("failed" in statuses(found)), done.stderr
    assert done.stderr == ""
    return found


def statuses(found: Findings) -> set[str]:
    return {finding["status"] for finding in found.values()}


def assert_nothing_stayed_at(hydra: RealHydra) -> None:
    answer = hydra.http.get(f"{hydra.admin_url}/admin/clients?page_size=500")
    assert NAME not in {client["client_name"] for client in answer.json()}


def test_where_all_is_well_nothing_fails_and_nothing_stays(portal: RealPortal) -> None:
    found = examined(portal)
    told = {name: finding for name, finding in found.items() if finding["status"] != "ok"}
    assert list(told) == ["scopes and claims"], told  # Hydra announces three scopes by default
    assert told["scopes and claims"]["status"] == "warning"
    assert_nothing_stayed_at(portal.hydra)


def test_a_client_of_one_s_own_stays(portal: RealPortal, app: Any) -> None:
    found = examined(portal, "--client-id", app.client_id)
    assert {found[name]["status"] for name in PAGES} == {"ok"}, found
    assert app.client_id in portal.cli("clients", "list")


@pytest.fixture(scope="module")
def alone(
    http_client: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealPortal]:
    """A Hydra, and a portal that does not run; Hydra sends browsers to another port."""
    directory = tmp_path_factory.mktemp("alone")
    settings = HydraSettings(
        bin=hydra_binary(), portal_url="http://localhost:3999", log=directory / "hydra.log"
    )
    with running_hydra(settings):
        hydra = RealHydra(settings=settings, http=http_client)
        yield RealPortal(
            hydra=hydra,
            admin_url=hydra.admin_url,
            port=free_port(),
            database_url=f"sqlite:///{directory / 'portal.db'}",
            directory=directory,
            settings={},
        )


def test_an_ory_that_sends_browsers_elsewhere_is_told(alone: RealPortal) -> None:
    found = examined(alone)
    for name in PAGES:
        wrong = "warning" if name == "after logout" else "failed"
        assert found[name]["status"] == wrong
        assert f"port 3999 instead of {alone.port}" in found[name]["found"]
        assert f"portal ory-config --base-url {alone.url}" in found[name]["advice"]
    assert found["database"]["advice"] == "Run: portal db upgrade"
    assert found["the portal itself"]["status"] == "warning"
    assert_nothing_stayed_at(alone.hydra)


def test_the_public_port_as_admin_url_is_told(alone: RealPortal) -> None:
    found = examined(alone, HYDRA_ADMIN_URL=alone.hydra.public_url)
    assert found["Ory's admin API"]["status"] == "failed"
    assert "public side" in found["Ory's admin API"]["found"]
    assert "4445" in found["Ory's admin API"]["advice"]
    assert found["login page"]["status"] == "skipped"


def test_the_admin_port_as_public_url_is_told(alone: RealPortal) -> None:
    found = examined(alone, HYDRA_PUBLIC_URL=alone.hydra.admin_url)
    assert found["discovery"]["status"] == "failed"
    assert "4444" in found["discovery"]["advice"]


def test_localhost_and_127_0_0_1_are_told_apart(alone: RealPortal) -> None:
    by_name = alone.hydra.public_url.replace("127.0.0.1", "localhost")
    found = examined(alone, HYDRA_PUBLIC_URL=by_name)
    assert found["discovery"]["status"] == "failed"
    assert "one machine by two names" in found["discovery"]["found"]
    assert_nothing_stayed_at(alone.hydra)


def test_two_sides_of_two_hydras_are_told(alone: RealPortal, hydra: RealHydra) -> None:
    found = examined(alone, HYDRA_PUBLIC_URL=hydra.public_url)
    assert found["login page"]["status"] == "failed"  # the client is registered at the other one
    ours = hydra.http.post(
        f"{alone.hydra.admin_url}/admin/clients",
        json={
            "client_id": "of-both",
            "redirect_uris": ["https://a.test/cb"],
            "response_types": ["code"],
            "grant_types": ["authorization_code"],
        },
    )
    theirs = hydra.http.post(f"{hydra.admin_url}/admin/clients", json=ours.json())
    assert theirs.status_code in {201, 409}
    found = examined(alone, "--client-id", "of-both", HYDRA_PUBLIC_URL=hydra.public_url)
    assert found["one Ory"]["status"] == "failed", found
    assert "does not know a sign-in" in found["one Ory"]["found"]


def test_a_lifetime_that_differs_is_told(short_lived_portal: RealPortal) -> None:
    assert examined(short_lived_portal)["lifetimes"]["status"] == "ok"
    found = examined(short_lived_portal, PORTAL_CHALLENGE_TTL="30m")["lifetimes"]
    assert found["status"] == "warning"
    assert "PORTAL_CHALLENGE_TTL=3s" in found["advice"]


# --- Ory Network -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkPortal]:
    """Told the SDK URL and a key; it does not run."""
    directory, port = tmp_path_factory.mktemp("network"), free_port()
    authority = Authority(directory)
    gateway = Gateway(
        tls=authority.server(), public_port=free_port(), admin_port=free_port(), keys=[KEY]
    )
    settings = behind(
        gateway,
        bin=hydra_binary(),
        portal_url=f"http://localhost:{port}",
        log=directory / "hydra.log",
    )
    with running_hydra(settings), httpx.Client(trust_env=False) as http:
        yield NetworkPortal(
            hydra=OryNetwork(settings=settings, http=http, gateway=gateway),
            admin_url=gateway.url,
            port=port,
            database_url=f"sqlite:///{directory / 'portal.db'}",
            directory=directory,
            settings={"PORTAL_ORY_CA_FILE": str(authority.file), "ORY_PAT": KEY},
        )
    gateway.close()


def gateway_of(portal: NetworkPortal) -> Gateway:
    assert isinstance(portal.hydra, OryNetwork)
    return portal.hydra.gateway


def test_behind_the_gateway_the_key_is_for_the_admin_side_alone(
    network_portal: NetworkPortal,
) -> None:
    network_portal.cli("db", "upgrade")
    gateway = gateway_of(network_portal)
    gateway.seen.clear()
    found = examined(network_portal)
    told = {name for name, finding in found.items() if finding["status"] != "ok"}
    assert told == {"scopes and claims", "the portal itself"}, found
    assert "SDK URL" in found["discovery"]["found"]
    assert "Secure" in found["cookies"]["found"]
    assert all(seen.is_admin for seen in gateway.seen if seen.authorized)
    assert KEY not in str(found)
    answer = network_portal.hydra.http.get(f"{network_portal.hydra.admin_url}/admin/clients")
    assert answer.json() == []


def test_the_gateway_s_refusal_is_told(network_portal: NetworkPortal) -> None:
    missing = examined(network_portal, ORY_PAT="", HYDRA_PUBLIC_URL=network_portal.admin_url)
    assert "none is set" in missing["API key"]["found"]
    wrong = examined(network_portal, ORY_PAT="ory_pat_canary-of-another-V5n")
    assert "refuses the API key in ORY_PAT" in wrong["API key"]["found"]
    assert "V5n" not in str(wrong)
    assert wrong["Ory's admin API"]["status"] == "ok"


def test_a_gateway_without_hydra_is_told(network_portal: NetworkPortal) -> None:
    gateway = gateway_of(network_portal)
    gateway.away()
    try:
        found = examined(network_portal)
    finally:
        gateway.heal()
    assert "502" in found["Ory's admin API"]["found"]
    assert found["API key"]["status"] == "skipped"


# --- portal ory-config -----------------------------------------------------------------------

OWN = """\
# our Hydra
serve:
  public: {host: 127.0.0.1}   # behind a proxy
urls:
  login: http://old.example/login
  self: {issuer: %s, public: %s} # as browsers see it
"""


@pytest.mark.parametrize("way", ["printed", "in a file"])
def test_hydra_follows_what_ory_config_writes(
    way: str, http_client: httpx.Client, tmp_path: Path
) -> None:
    settings = HydraSettings(bin=hydra_binary(), portal_url="", log=tmp_path / "hydra.log")
    portal = RealPortal(
        hydra=RealHydra(settings=settings, http=http_client),
        admin_url=settings.admin_url,
        port=free_port(),
        database_url=f"sqlite:///{tmp_path / 'portal.db'}",
        directory=tmp_path,
        settings={},
    )
    config = tmp_path / "hydra.yaml"
    if way == "printed":
        config.write_text(portal.cli("ory-config").split("\n\n")[1])
    else:
        config.write_text(OWN % (settings.public_url, settings.public_url))
        portal.cli("ory-config", str(config), "--in-place")
    environment = {
        name: value
        for name, value in settings.environment().items()
        if not name.startswith("URLS_") or name.startswith("URLS_SELF_")
    }
    serve = [str(settings.bin), "serve", "all", "--dev", "--config", str(config)]
    with running(serve, env=environment, log=settings.log) as process:
        for base in (settings.admin_url, settings.public_url):
            wait_for(f"{base}/health/ready", process, log=settings.log)
        found = examined(portal)
    assert {name: found[name]["status"] for name in PAGES} == dict.fromkeys(PAGES, "ok")
    assert portal.url in found["login page"]["found"]
