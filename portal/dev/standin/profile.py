"""Where Hydra 2.3.0 and the releases called 26 differ, one name for each difference."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The values are those of 2.3; 26 differs in every one of them."""

    strict_bodies: bool = True
    """Members that are not known make a body of accept or reject a 400."""
    consent_request_ids: bool = False
    """Consents have an id of their own, and can be deleted by it."""
    stumbles_over_gone_sessions: bool = True
    """Ending the session of a cookie fails where that session was deleted already."""
    keeps_rejected_consents: bool = True
    """A rejected consent is stored, so that a later verifier of its flow is refused."""
    stores_logout_requests: bool = True
    """Logout challenges are rows that end, not sealed snapshots."""
    knows_select_account: bool = False
    keeps_query_of_login_url: bool = True
    """A query in ``urls.login`` and ``urls.registration`` reaches the page."""
    session_cookie_has_lifetime: bool = False
    """``remember_for`` 0 makes a cookie that lasts as long as ``ttl.authentication_session``."""
    redirects_to_prefix: bool = True
    """The admin API without ``/admin``: 307; else it is served as if it were there."""
    says_method_not_allowed: bool = True
    """A wrong method is 405; else it is an unknown route."""
    counts_pages: bool = True
    """Lists go by offset, with a count; else by key, with sealed tokens."""
    refuses_script_addresses: bool = False
    """``javascript:`` and ``data:`` in addresses of a client are 400."""
    always_forbids_caching: bool = True
    """Else only answers to GET do."""
    rotates_secrets: bool = False
    has_device_flow: bool = False


PROFILES = {
    "2.3": Profile(),
    "26": Profile(
        strict_bodies=False,
        consent_request_ids=True,
        stumbles_over_gone_sessions=False,
        keeps_rejected_consents=False,
        stores_logout_requests=False,
        knows_select_account=True,
        keeps_query_of_login_url=False,
        session_cookie_has_lifetime=True,
        redirects_to_prefix=False,
        says_method_not_allowed=False,
        counts_pages=False,
        refuses_script_addresses=True,
        always_forbids_caching=False,
        rotates_secrets=True,
        has_device_flow=True,
    ),
}
