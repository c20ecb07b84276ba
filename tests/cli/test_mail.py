"""What the commands do about mail: invitations, and the doctor's look at the mail server."""

import json
from pathlib import Path

import pytest

from tests.doubles.two_sides import PREFIX, TwoSides
from tests.fixtures.mail import NewMailServer
from tests.hydra.server import free_port
from tests.real.certificates import Authority


@pytest.fixture
def ory():
    double = TwoSides()
    yield double
    double.close()


@pytest.fixture
def looked_at(portal, ory, migrated):
    """What the doctor finds about mail."""

    def run(**env):
        given = {
            "HYDRA_ADMIN_URL": ory.url,
            "HYDRA_PUBLIC_URL": ory.url,
            "BASE_URL": f"{ory.url}{PREFIX}",
        }
        found = portal("doctor", "--format", "json", **given | env)
        findings = {finding["name"]: finding for finding in json.loads(found.stdout)}
        return findings["mail server"]

    return run


def test_without_a_mail_server_all_is_well(looked_at):
    found = looked_at()
    assert found["status"] == "ok"
    assert "log" in found["found"]


def test_a_mail_server_is_greeted_and_sent_nothing(looked_at, new_mail_server: NewMailServer):
    server = new_mail_server()
    found = looked_at(PORTAL_SMTP_URL=server.url)
    assert found["status"] == "ok"
    assert "takes mails (no TLS)" in found["found"]
    assert server.received == []


def test_the_password_of_the_mail_server_is_tried(
    looked_at, new_mail_server: NewMailServer, authority: Authority, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    server = new_mail_server(with_password=True, starttls=authority.server())
    found = looked_at(PORTAL_SMTP_URL=server.url)
    assert "takes mails (TLS, logged in)" in found["found"]
    found = looked_at(PORTAL_SMTP_URL=server.url.replace("the%20password", "no%20password"))
    assert found["status"] == "failed"
    assert "SMTPAuthenticationError 535" in found["found"]
    assert "password" not in found["found"]


def test_a_mail_server_that_is_away_is_told(looked_at):
    found = looked_at(PORTAL_SMTP_URL=f"smtp://127.0.0.1:{free_port()}")
    assert found["status"] == "failed"
    assert "PORTAL_SMTP_URL" in found["advice"]
    assert "nobody listens there (SMTPConnectError)" in found["found"]


@pytest.mark.usefixtures("migrated")
def test_a_mail_server_whose_name_leads_nowhere_is_told_in_words(looked_at):
    found = looked_at(PORTAL_SMTP_URL="smtp://mail.invalid:25")
    assert found["status"] == "failed"
    assert "there is no host of this name" in found["found"]


@pytest.mark.usefixtures("migrated")
def test_registration_without_a_mail_server_is_warned_of_in_development(looked_at):
    found = looked_at(PORTAL_REGISTRATION="1")
    assert found["status"] == "warning"
    assert "PORTAL_REGISTRATION" in found["found"]
    assert "PORTAL_SMTP_URL" in found["advice"]
    assert looked_at()["status"] == "ok"


@pytest.mark.usefixtures("migrated")
def test_an_invitation_is_printed_where_no_mail_goes_out(portal):
    found = portal("users", "invite", "Ann@Example.org", "--admin", "--name", "Ann")
    assert found.exit_code == 0
    assert "/register/finish?token=" in found.stdout
    assert len(found.stdout.splitlines()) == 1
    assert "ann@example.org" in found.stderr
    again = portal("users", "invite", "ann@example.org", "--format", "json")
    document = json.loads(again.stdout)
    assert document["mailed"] is False
    assert document["link"] != found.stdout.strip()


@pytest.mark.usefixtures("migrated")
def test_an_invitation_is_mailed_by_the_running_portal(portal):
    env = {"PORTAL_SMTP_URL": "smtp://127.0.0.1:9"}
    found = portal("users", "invite", "ann@example.org", **env)
    assert "invited by mail" in found.stdout
    assert "token" not in found.output
    document = json.loads(
        portal("users", "invite", "ann@example.org", "--format", "json", **env).stdout
    )
    assert (document["mailed"], document["link"]) == (True, None)


@pytest.mark.usefixtures("migrated")
def test_who_has_an_account_or_no_address_is_not_invited(portal, tmp_path: Path):
    portal(
        "users", "create", "ann@example.org", "--password-stdin", stdin="four walls and a kettle\n"
    )
    for email in ("ANN@example.org", "nonsense"):
        found = portal("users", "invite", email)
        assert found.exit_code == 1
        assert len(found.stderr.splitlines()) == 1
