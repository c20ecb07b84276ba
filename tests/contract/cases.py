"""The numbered cases of the contract, and how a test says which of them it is.

Each case holds for both profiles unless :data:`ONLY` names one. Where they answer differently, the
test expects by ``ory.profile``, or there is one test per profile (``only="26"``). Tests without a
number are about things that the portal and its local client rely on beyond these.
"""

import pytest

from tests.contract.targets import PROFILES

CASES = {
    1: "an authorization request goes to the login page with a challenge and a CSRF cookie",
    2: "a fresh login request: skip false, no subject, arrays, the whole request_url",
    3: "login_hint, ui_locales, acr_values and display are in oidc_context, others are left out",
    4: "asking without a challenge: 400, for logout 404",
    5: "a garbled, cut, changed or foreign challenge: 404",
    6: "a challenge past its time: 401 request_unauthorized",
    7: "a slow login uses up the time of the consent",
    8: "a login accept without body or subject, or of a wrong type: 400",
    9: "a member that nobody knows: 2.3 400, 26 200",
    10: "an accepted login request can still be fetched",
    11: "a login can be accepted twice, and both redirects reach the consent page",
    12: "a remembered login: cookie as long as told, next request skips as the same subject",
    13: "remember_for 0: 2.3 a cookie of the browser's session, 26 of 30 days",
    14: "a login that is not remembered ends the session that was there",
    15: "a skipped login stays remembered, whatever the accept says",
    16: "a skipped login for another subject: 200, and the browser asks again with prompt=login",
    17: "acr, amr and context are not inherited by a skipped login",
    18: "extend_session_lifespan renews the cookie, and nothing else does",
    19: "prompt=none without a session: login_required, no page is called",
    20: "a session older than max_age does not skip; with prompt=none login_required",
    21: "an id_token_hint of somebody else than who is signed in: login_required",
    22: "an id_token_hint, and somebody else signs in: login_required",
    23: "prompt=select_account: 2.3 invalid_request after the login, 26 works as login",
    24: "a reject reaches the app: error, description with hint, state, nothing else",
    25: "a verifier in another browser: request_forbidden",
    26: "two open flows of one app in one browser: the older one is request_forbidden",
    27: "a request by POST loses its parameters and ends at the error page",
    28: "the consent request has what the login said, and the login session",
    29: "consent_request_id: in 26 only",
    30: "scopes and audiences are granted unchecked",
    31: "nothing granted: a token without scope, no ID token",
    32: "claims for the ID token cannot replace those of the protocol",
    33: "an accepted consent is listed only once the browser has come back",
    34: "accepted twice, differently: the first browser to return wins, then access_denied",
    35: "a remembered consent skips for the same and for fewer scopes, not for more",
    36: "only the most recent remembered consent counts",
    37: "a partly granted request never skips",
    38: "prompt=consent never skips",
    39: "the audience does not matter for skip",
    40: "skip is found by the scope in the browser's address, not by the one in the request",
    41: "prompt=none without remembered consent: login page, then consent_required",
    42: "prompt=none with session and remembered consent: both pages skip, then a code",
    43: "consent_required by the page itself leaves the consent remembered",
    44: "skip_consent is told, not obeyed",
    45: "a public app with a scheme of its own never skips",
    46: "remember_for limits skip and list, not the refresh token",
    47: "a consent that is not remembered is listed",
    48: "a skipped consent adds nothing to the memory, nor to the list",
    49: "deleting a consent ends every token of subject and app, and nothing else",
    50: "deleting a consent ends its unredeemed code",
    51: "an accept in flight survives the deletion",
    52: "deleting a consent makes JWT access tokens inactive",
    53: "which parameters a deletion takes",
    54: "a subject that nobody knows: empty list, deletion 204",
    55: "all consents are found over pages",
    56: "without its login session a consent has no login_session_id; tokens live",
    57: "logout from nowhere ends the session, not the tokens",
    58: "after a logout was rejected: 2.3 404 but accepts, 26 200",
    59: "after a logout is over: 2.3 410 with a path, 26 200",
    60: "an app's logout returns to the app with its state, also without a session",
    61: "a login that was not remembered: an app's logout asks nobody",
    62: "back-channel logout: one POST with the sid",
    63: "an unknown app or a bad redirect goes to the error page",
    64: "a device's request at the pages",
    65: "a user code that is not exactly it: 400",
    66: "a device's consent is rejected: an error to the browser, the device keeps waiting",
    67: "a confidential device app skips whatever it asks for, a public one never",
    68: "an admin path without /admin: 2.3 307, 26 200",
    69: "a client id that is taken: 409; a script as logo: 2.3 201, 26 400",
    70: "deleting a client ends its tokens and its consents",
}
ONLY = {64: ("26",), 65: ("26",), 66: ("26",), 67: ("26",)}


def case(*numbers: int, only: str | None = None) -> pytest.MarkDecorator:
    """Which cases a test is, and for which profile if not for both."""
    return pytest.mark.case(*numbers, profiles=(only,) if only else PROFILES)
