"""Ory's documents survive null, absence and the future; their reprs keep secrets."""

import pytest
from rich.pretty import pretty_repr

from portal.ory.admin import OryAdmin
from portal.ory.models import RedirectTo
from tests.doubles.ory import OryDouble


async def test_null_and_absent_members_are_empty(ory: OryAdmin, double: OryDouble) -> None:
    bare = {"client_id": "photos", "contacts": None, "metadata": None, "redirect_uris": None}
    nothing = dict.fromkeys(("oidc_context", "requested_scope", "session_id", "amr", "context"))
    request = await ory.get_login_request(double.plant_login(bare, **nothing))
    assert request.client.contacts == request.client.redirect_uris == request.requested_scope == ()
    assert request.oidc_context.login_hint == ""
    assert request.client.skip_logout_consent is False
    logout = await ory.get_logout_request(double.plant_logout())
    assert logout.client is None


async def test_members_of_the_future_are_ignored(ory: OryAdmin, double: OryDouble) -> None:
    client = {"client_id": "photos", "colour": {"deep": [1]}}
    request = await ory.get_login_request(double.plant_login(client, urgency=7))
    assert request.client.client_id == "photos"


async def test_opaque_values_keep_their_nulls(ory: OryAdmin, double: OryDouble) -> None:
    context = {"a": None, "client": {"b": None}}
    client = {"metadata": {"c": None}}
    challenge = double.plant_consent(client, context=context)
    request = await ory.get_consent_request(challenge)
    assert (request.context, request.client.metadata) == (context, {"c": None})


@pytest.mark.parametrize("kind", ["login", "consent", "logout"])
async def test_no_repr_shows_a_challenge_an_address_or_a_person(
    ory: OryAdmin, double: OryDouble, kind: str
) -> None:
    challenge = getattr(double, f"plant_{kind}")(subject="canary-subject")
    request = await getattr(ory, f"get_{kind}_request")(challenge)
    assert request.challenge == challenge
    for shown in (repr(request), str(request), f"{[request]}", pretty_repr(request)):
        assert challenge not in shown
        assert "canary-subject" not in shown
        assert "oauth2" not in shown.replace("OAuth2", "")
    assert repr(RedirectTo("https://ory.test/secret")) == "RedirectTo()"
