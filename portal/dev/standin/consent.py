"""The consent step: when Hydra calls it skipped, and what it keeps when the browser comes back."""

from portal.dev.standin import cookies
from portal.dev.standin.authorization import AuthorizeRequest, is_trusted_redirect
from portal.dev.standin.errors import (
    ACCESS_DENIED,
    CONSENT_REQUIRED,
    INVALID_CLIENT,
    REQUEST_UNAUTHORIZED,
    unrecognizable,
)
from portal.dev.standin.flow import Flow
from portal.dev.standin.http import Request, Response, redirect, set_query
from portal.dev.standin.login import CsrfCookie, as_new_consent, rejection
from portal.dev.standin.scopes import STRATEGIES
from portal.dev.standin.sealing import SealBrokenError
from portal.dev.standin.state import Authorization, Consent, State

CHALLENGE, VERIFIER = "consent challenge", "consent verifier"


def start(asked: AuthorizeRequest, flow: Flow, state: State) -> Response:
    """Send the browser to the consent page, or the app an error where nobody may be asked."""
    skip = may_skip(asked, flow, state)
    if "none" in asked.prompt and not skip:
        raise CONSENT_REQUIRED("Prompt 'none' was requested, but no previous consent was found.")
    if flow.client_id != asked.client.client_id:
        raise INVALID_CLIENT("The flow client id does not match the authorize request client id.")
    return ask(flow, skip=skip, state=state)


def ask(flow: Flow, *, skip: bool, state: State) -> Response:
    """To the consent page, with the cookie that proves who went there."""
    asking = as_new_consent(flow, skip=skip, state=state)
    csrf = CsrfCookie(state, cookies.csrf("consent", flow.client_id))
    challenge = state.sealer.seal(CHALLENGE, asking)
    at = set_query(state.config.consent_url, consent_challenge=challenge)
    return redirect(at).adding(csrf.set(asking.consent_csrf))


def may_skip(asked: AuthorizeRequest, flow: Flow, state: State) -> bool:
    """Hydra's rule with its faults.

    The newest remembered consent alone counts, the scope is that of the browser's address, and
    nobody looks at the audience.
    """
    if "consent" in asked.prompt:
        return False
    if asked.client.is_public and not is_trusted_redirect(asked.redirect_uri):
        return False
    found = state.find_remembered_consent(flow.subject, asked.client.client_id)
    covers = STRATEGIES[state.config.scope_strategy]
    return found is not None and all(covers(found.flow.grant_scope, s) for s in asked.scope)


def may_skip_device(flow: Flow, state: State) -> bool:
    """In the device flow Hydra does not look at the scope at all."""
    client = state.find_client(flow.client_id)
    if client is None or client.is_public:
        return False
    return state.find_remembered_consent(flow.subject, flow.client_id) is not None


def verify(request: Request, verifier: str, state: State) -> Consent:
    """What the browser brings back from the consent page: kept once, and never again."""
    try:
        flow = state.sealer.open(VERIFIER, verifier, Flow)
    except SealBrokenError:
        raise ACCESS_DENIED(
            "The consent verifier has already been used, has not been granted, or is invalid."
        ) from None
    if flow.client_id != request.query.get("client_id"):
        raise INVALID_CLIENT("The flow client id does not match the authorize request client id.")
    consent = Consent(
        flow=flow, request_id=flow.consent_request_id, login_session_id=flow.session_id
    )
    if flow.consent_error is None or state.profile.keeps_rejected_consents:
        _keep(consent, state)
    if state.has_expired(flow.requested_at):
        raise REQUEST_UNAUTHORIZED("The consent request has expired, please try again.")
    if flow.consent_error is not None:
        raise rejection(flow.consent_error)
    CsrfCookie(state, cookies.csrf("consent", flow.client_id)).check(request, flow.consent_csrf)
    return consent


def _keep(consent: Consent, state: State) -> None:
    """Write it down, before anything else is looked at; once for each flow."""
    if consent.flow.id in state.consents:
        raise ACCESS_DENIED("The consent verifier has already been used.")
    if consent.login_session_id not in state.login_sessions:
        raise unrecognizable()  # Hydra's database refuses a consent of a session that is gone
    state.consents[consent.flow.id] = consent


def authorize(consent: Consent, asked: AuthorizeRequest, state: State) -> Authorization:
    """What the tokens will say."""
    flow = consent.flow
    claims = {
        "iss": state.config.public_url,
        "sub": flow.subject,
        "aud": [flow.client_id],
        "auth_time": flow.authenticated_at or 0,
        "rat": flow.requested_at,
        "sid": flow.session_id,
        "nonce": asked.form.get("nonce"),
        "acr": flow.acr,
        "amr": flow.amr,
    }
    reserved = {*claims, "exp", "iat", "jti", "at_hash", "c_hash"}
    own = {name: value for name, value in flow.id_token_claims.items() if name not in reserved}
    return Authorization(
        request_id=consent.request_id,
        client_id=flow.client_id,
        subject=flow.subject,
        scope=tuple(flow.grant_scope),
        audience=tuple(flow.grant_audience),
        extra=flow.access_token_claims,
        id_claims=own | {name: value for name, value in claims.items() if value},
        redirect_uri=asked.form.get("redirect_uri"),
        code_challenge=asked.form.get("code_challenge"),
        code_challenge_method=asked.form.get("code_challenge_method"),
    )
