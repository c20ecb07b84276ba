"""``/oauth2/auth``: one address for the app's request and for both ways back from the pages."""

from portal.dev.standin import consent, login
from portal.dev.standin.authorization import AuthorizeRequest, check, refuse, to_app
from portal.dev.standin.errors import INVALID_REQUEST, UNAUTHORIZED_CLIENT, OAuthError
from portal.dev.standin.http import Fields, Request, Response
from portal.dev.standin.login import RefusedError
from portal.dev.standin.opaque import new_token
from portal.dev.standin.state import Authorization, State


class Authorize:
    """Answers browsers; every refusal is a redirect."""

    def __init__(self, state: State) -> None:
        self._state = state

    def __call__(self, request: Request) -> Response:
        asked = AuthorizeRequest(request)
        try:
            check(asked, self._state)
            return self._step(asked, request)
        except RefusedError as exc:
            return refuse(asked, exc.error, self._state).adding(*exc.headers)
        except OAuthError as exc:
            return refuse(asked, exc, self._state)

    def _step(self, asked: AuthorizeRequest, request: Request) -> Response:
        login_verifier = asked.form.get("login_verifier").strip()
        consent_verifier = asked.form.get("consent_verifier").strip()
        if login_verifier:
            signed = login.verify(asked, request, login_verifier, self._state)
            return self._ask_consent(asked, signed)
        if consent_verifier:
            given = consent.verify(request, consent_verifier, self._state)
            return self._give_code(asked, consent.authorize(given, asked, self._state))
        return login.start(asked, request, self._state)

    def _ask_consent(self, asked: AuthorizeRequest, signed: login.Signed) -> Response:
        try:
            return consent.start(asked, signed.flow, self._state).after(*signed.headers)
        except OAuthError as exc:  # the login stands, and so do its cookies
            raise RefusedError(exc, *signed.headers) from None

    def _give_code(self, asked: AuthorizeRequest, authorization: Authorization) -> Response:
        if not asked.client.may_use("authorization_code"):
            raise UNAUTHORIZED_CLIENT(
                "The OAuth 2.0 Client is not allowed to use authorization grant "
                "'authorization_code'."
            )
        _check_pkce(asked.form)
        code = new_token("ac", self._state.random)
        lifetime = self._state.config.ttl_auth_code
        self._state.keep_token("code", code, authorization, lifetime=lifetime)
        scope = " ".join(authorization.scope)
        return to_app(asked, {"code": code, "scope": scope, "state": asked.state})


def _check_pkce(form: Fields) -> None:
    """Hydra looks at it only now, when everybody was asked."""
    method = form.get("code_challenge_method")
    if not form.get("code_challenge") or method == "S256":
        return
    if method in {"plain", ""}:
        raise INVALID_REQUEST("Clients must use code_challenge_method=S256, plain is not allowed.")
    raise INVALID_REQUEST("The code_challenge_method is not supported, use S256 instead.")
