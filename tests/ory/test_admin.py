"""Asking and answering Ory: bodies, redirects, lists."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.ory.admin import OryAdmin
from portal.ory.errors import (
    ChallengeExpiredError,
    ChallengeUnknownError,
    OryConflictError,
    OryNonsenseError,
    OryNotFoundError,
    OryRefusalError,
)
from portal.ory.models import AcceptConsent, AcceptLogin, ConsentSessionData, Reject
from tests.doubles.ory import OryDouble

ClientOf = Callable[..., OryAdmin]

FOREIGN = [
    "https://evil.example/oauth2/auth?login_verifier=x",
    "http://ory.test/oauth2/auth",
    "https://ory.test:4444/oauth2/auth",
    "http://ory.test:4444@evil.example/",
    "http://evil.example\\@ory.test:4444/",
    "http://ory.test:4444\\.evil.example/",
    "//ory.test:4444/",
    "/oauth2/auth?login_verifier=x",
    "javascript:alert(1)//ory.test:4444",
    "http:ory.test:4444/",
    "http:///ory.test:4444/",
    "http://ory.test:4444:80/",
    "http://ory.test:99999999/",
    "http://ory.test:4444.evil.example/",
    " http://ory.test:4444/",
    "http://ory.test:4444/\nSet-Cookie: a=b",
    "http://ory.test:4444/\x00",
    "ht\ttp://ory.test:4444/",
    "http://örÿ.test:4444/",
    "http://[::1/",
    "",
]


async def test_a_login_is_answered_with_what_ory_knows_and_nothing_else(
    ory: OryAdmin, double: OryDouble
) -> None:
    request = await ory.get_login_request(double.plant_login())
    await ory.accept_login(request, AcceptLogin(subject="alice"))
    body = AcceptLogin(subject="alice", remember=True, remember_for=60, amr=("pwd",), context={})
    redirect = await ory.accept_login(request, body)
    await ory.reject_login(request, Reject(error="access_denied", error_description="No"))
    assert double.decisions == [
        ("login", "accept", {"subject": "alice", "remember": False}),
        (
            *("login", "accept"),
            {"subject": "alice", "remember": True, "remember_for": 60, "amr": ["pwd"]},
        ),
        ("login", "reject", {"error": "access_denied", "error_description": "No"}),
    ]
    assert redirect.redirect_to.startswith(request.request_url)
    assert "login_verifier" not in repr(redirect)


async def test_a_consent_is_answered_with_everything_that_counts(
    ory: OryAdmin, double: OryDouble
) -> None:
    request = await ory.get_consent_request(double.plant_consent(requested_scope=["openid"]))
    claims = ConsentSessionData(id_token={"email": "alice@example.org"})
    body = AcceptConsent(grant_scope=request.requested_scope, session=claims)
    redirect = await ory.accept_consent(request, body)
    await ory.reject_consent(request, Reject(error="access_denied"))
    assert double.decided("consent", "accept") == [
        {
            "grant_scope": ["openid"],
            "grant_access_token_audience": [],
            "remember": False,
            "remember_for": 0,
            "session": {"access_token": {}, "id_token": {"email": "alice@example.org"}},
        }
    ]
    assert "alice" not in repr(body)
    assert await ory.list_consent_sessions("alice") == ()
    double.follow(redirect.redirect_to)
    (session,) = await ory.list_consent_sessions("alice")
    assert (session.client_id, session.grant_scope) == ("photos", ("openid",))
    assert "alice" not in repr(session)


async def test_a_logout_is_accepted_and_rejected(ory: OryAdmin, double: OryDouble) -> None:
    request = await ory.get_logout_request(double.plant_logout({"client_id": "photos"}))
    redirect = await ory.accept_logout(request)
    assert redirect.redirect_to.startswith("http://ory.test:4444/oauth2/sessions/logout")
    await ory.reject_logout(request)
    assert double.decisions == [("logout", "accept", None), ("logout", "reject", None)]


@pytest.mark.parametrize("target", FOREIGN)
async def test_a_redirect_that_does_not_lead_to_ory_is_nonsense(
    ory: OryAdmin, double: OryDouble, client_of: ClientOf, target: str
) -> None:
    login = await ory.get_login_request(double.plant_login())
    consent = await ory.get_consent_request(double.plant_consent())
    logout = await ory.get_logout_request(double.plant_logout())
    double.status(200, {"redirect_to": target})
    for answer in (
        lambda: ory.accept_login(login, AcceptLogin(subject="alice")),
        lambda: ory.reject_login(login, Reject(error="access_denied")),
        lambda: ory.accept_consent(consent, AcceptConsent()),
        lambda: ory.reject_consent(consent, Reject(error="access_denied")),
        lambda: ory.accept_logout(logout),
        lambda: client_of(double, public_url=None).accept_logout(logout),
    ):
        with pytest.raises(OryNonsenseError, match="does not lead to Ory"):
            await answer()


@pytest.mark.parametrize(
    "target", ["http://ory.test:4444/a", "HTTP://ORY.TEST:4444/a", "https://login.test:443/b"]
)
async def test_a_redirect_may_lead_to_where_the_request_was_made_or_to_the_public_address(
    double: OryDouble, client_of: ClientOf, target: str
) -> None:
    ory = client_of(double, public_url="https://login.test/")
    request = await ory.get_login_request(double.plant_login())
    double.status(200, {"redirect_to": target})
    assert (await ory.reject_login(request, Reject(error="x"))).redirect_to == target


async def test_without_a_public_address_a_logout_goes_to_where_ory_was_last_seen(
    double: OryDouble, client_of: ClientOf
) -> None:
    ory = client_of(double, public_url=None)
    request = await ory.get_logout_request(double.plant_logout())
    at_ory = "http://ory.test:4444/oauth2/sessions/logout?logout_verifier=x"
    elsewhere = at_ory.replace("ory.test", "evil.example")
    double.status(200, {"redirect_to": at_ory})
    assert (await ory.accept_logout(request)).redirect_to == at_ory
    double.heal()
    await ory.get_login_request(double.plant_login())
    double.status(200, {"redirect_to": elsewhere})
    with pytest.raises(OryNonsenseError):
        await ory.accept_logout(request)


async def test_challenges_wear_out_and_get_lost(ory: OryAdmin, double: OryDouble) -> None:
    challenge = double.plant_consent()
    request = await ory.get_consent_request(challenge)
    double.expire(challenge)
    with pytest.raises(ChallengeExpiredError):
        await ory.accept_consent(request, AcceptConsent())
    with pytest.raises(ChallengeUnknownError):
        await ory.get_login_request(challenge)


async def test_ory_refuses_an_empty_subject(ory: OryAdmin, double: OryDouble) -> None:
    request = await ory.get_login_request(double.plant_login())
    with pytest.raises(OryRefusalError, match="must not be empty"):
        await ory.accept_login(request, AcceptLogin(subject=""))


@pytest.mark.parametrize("release", ["2.3", "26"])
@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
async def test_every_consent_of_a_person_is_listed_once(
    client_of: ClientOf, release: str, count: int
) -> None:
    double = OryDouble(release=release)
    for number in range(count):
        double.plant_consent_session(client_id=f"app-{number}")
    found = await client_of(double).list_consent_sessions("alice")
    assert sorted(s.client_id for s in found) == sorted(f"app-{n}" for n in range(count))


async def test_pages_without_end_are_nonsense(ory: OryAdmin, double: OryDouble) -> None:
    session = double.plant_consent_session()
    double.status(200, [session], headers={"link": '</x?page_token=again>; rel="next"'})
    with pytest.raises(OryNonsenseError, match="without end"):
        await ory.list_consent_sessions("alice")
    double.status(200, [session["consent_request"]["client"]], headers={"link": "<https://[>"})
    assert len(await ory.list_clients()) == 1
    again = {"link": '</clients?page_token=again>; rel="next"'}
    double.status(200, [session["consent_request"]["client"]], headers=again)
    with pytest.raises(OryNonsenseError, match="without end"):
        await ory.list_clients()


async def test_sessions_and_consents_end_by_the_names_ory_gave_them(client_of: ClientOf) -> None:
    double = OryDouble(release="26")
    ory = client_of(double)
    kept = double.plant_consent_session(client_id="notes")
    ended = double.plant_consent_session()
    await ory.revoke_consent_request(ended["consent_request_id"])
    assert double.sessions_of("alice") == [kept]
    await ory.revoke_consent("alice", "notes")
    await ory.revoke_consent("alice", None)
    await ory.end_login_sessions("alice")
    await ory.end_login_session("sid-1")
    with pytest.raises(OryRefusalError):
        await ory.revoke_consent("", None)
    with pytest.raises(OryRefusalError):
        await client_of(OryDouble()).revoke_consent_request("x")
    assert double.deletions[1:] == [
        ("consent", {"subject": "alice", "client": "notes"}),
        ("consent", {"subject": "alice", "all": "true"}),
        ("login", {"subject": "alice"}),
        ("login", {"sid": "sid-1"}),
    ]


async def test_clients_are_created_listed_and_deleted(ory: OryAdmin, double: OryDouble) -> None:
    created = await ory.create_client({"client_id": "photos", "client_name": "Photos"})
    assert created["client_secret"]
    with pytest.raises(OryConflictError):
        await ory.create_client({"client_id": "photos"})
    for number in range(205):
        double.plant_client(f"app-{number}")
    assert len(await ory.list_clients()) == 206
    assert (await ory.get_client("photos")).client_name == "Photos"
    await ory.delete_client("photos")
    for ask in (ory.get_client, ory.delete_client):
        with pytest.raises(OryNotFoundError):
            await ask("photos")


@pytest.mark.parametrize("client_id", ["", ".", "..", "../keys", "a/b", "a?b=c", "a%2Fb", "ä b"])
async def test_a_clients_name_cannot_name_anything_else(
    ory: OryAdmin, double: OryDouble, client_id: str
) -> None:
    with pytest.raises(OryNotFoundError):
        await ory.delete_client(client_id)
    assert double.deletions == []
    assert all(path.startswith("/clients/") for _, path in double.calls)


async def test_readiness_follows_ory(ory: OryAdmin, double: OryDouble) -> None:
    answers: list[Any] = [await ory.ready()]
    double.status(503)
    answers.append(await ory.ready())
    double.down()
    answers.append(await ory.ready())
    assert answers == [True, False, False]


async def test_only_the_named_members_of_a_client_are_changed(
    ory: OryAdmin, double: OryDouble
) -> None:
    double.plant_client("photos", owner="Ann", metadata={"a": 1})
    changed = await ory.update_client("photos", {"client_name": "Pictures", "contacts": []})
    assert (changed["client_name"], changed["owner"]) == ("Pictures", "Ann")
    assert double.clients["photos"]["metadata"] == {"a": 1}
    assert double.calls == [("PATCH", "/clients/photos")]
    assert "client_secret" not in changed
    assert (await ory.update_client("photos", {"client_secret": "new-one"}))["client_secret"]
    with pytest.raises(OryNotFoundError):
        await ory.update_client("nobody", {"owner": ""})
    with pytest.raises(OryNotFoundError):
        await ory.update_client("a/b", {"owner": ""})


async def test_a_refusal_comes_to_the_point(ory: OryAdmin, double: OryDouble) -> None:
    double.plant_client("photos")
    with pytest.raises(OryRefusalError) as refusal:
        await ory.update_client("photos", {"subject_type": "x"})
    assert refusal.value.description == (
        "invalid_client_metadata Subject type x is not supported by server, "
        "only [public] are allowed."
    )


async def test_no_more_clients_are_asked_for_than_are_wanted(
    ory: OryAdmin, double: OryDouble
) -> None:
    for number in range(350):
        double.plant_client(f"app-{number}")
    assert len(await ory.list_clients(at_most=101)) == 101
    assert len(double.calls) == 2
    assert len(await ory.list_clients(at_most=1000)) == 350
