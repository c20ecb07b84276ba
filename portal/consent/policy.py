"""Whether a consent request is answered without asking: the decision table, row by row
(hydra-contract 3.6).

Ory's own ``skip`` is never followed by itself: it ignores audiences and can speak of other scopes
than were requested.
"""

from datetime import datetime, timedelta
from enum import Enum, auto
from urllib.parse import urlsplit

import msgspec

from portal.grants import Ask, Policy, covered, was_narrowed
from portal.ory.authorization import AuthorizationParameters
from portal.ory.models import ConsentRequest, OAuth2Client
from portal.revocations import GRACE
from portal.store.tables import GrantRecord


class Verdict(Enum):
    """What the table says."""

    ACCEPT = auto()
    REFUSE = auto()
    """The app asked not to bother anybody, and somebody has to be asked: ``consent_required``."""
    ASK = auto()
    LOOK = auto()
    """Accept if Ory still lists the grant; it might have been revoked there."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the table looks at."""

    covered: bool
    silent: bool
    forced: bool
    skip: bool
    trusted: bool
    """The operator answers for the client: ``skip_consent``."""
    may_trust: bool
    """... and nothing about this request demands a person."""
    narrowed: bool = False
    """The person has left the app less since it last came, so Ory has nothing to list."""

    @classmethod
    def of(
        cls,
        request: ConsentRequest,
        parameters: AuthorizationParameters,
        grant: GrantRecord | None,
        ask: Ask,
        policy: Policy,
        *,
        honour_skip_consent: bool,
        now: datetime,
    ) -> "Facts":
        """Read them off the request, its address and the grant."""
        wants_person = "consent" in parameters.prompt or parameters.by_reference
        return cls(
            covered=covered(grant, ask, policy, now=now),
            silent="none" in parameters.prompt,
            forced=wants_person
            or parameters.is_device
            or insecure_public(request.client, parameters.redirect_uri),
            skip=request.skip,
            trusted=honour_skip_consent and request.client.skip_consent,
            may_trust=not wants_person and not parameters.is_device,
            narrowed=grant is not None and was_narrowed(grant),
        )


def judge(facts: Facts) -> Verdict:
    """The table; the first row that fits decides."""
    if facts.silent:  # rows 1 to 3
        return Verdict.ACCEPT if facts.covered or facts.trusted else Verdict.REFUSE
    if facts.trusted and facts.may_trust:  # row 4
        return Verdict.ACCEPT
    if facts.forced or not facts.covered:  # rows 5 and 9
        return Verdict.ASK
    explained = facts.skip or facts.narrowed
    return Verdict.ACCEPT if explained else Verdict.LOOK  # rows 6, 7 and 8


def revoked_at_ory(
    grant: GrantRecord, *, first_seen: datetime, now: datetime, challenge_lifetime: timedelta
) -> bool:
    """Whether Ory's not listing *grant* means that it was revoked there.

    Not if it was only ever accepted under ``skip=true``, which Ory's list leaves out. Not while
    an accept may still be on its way, nor for a request older than the last accept: an older
    tab's snapshot says ``skip=false`` about a living grant.
    """
    settled = now - grant.last_accept_at > challenge_lifetime + GRACE
    return grant.listable and settled and first_seen > grant.last_accept_at


def insecure_public(client: OAuth2Client, redirect_uri: str | None) -> bool:
    """A public client whose redirect another program could claim: neither https nor this machine
    (RFC 8252, 8.6).
    """
    if client.token_endpoint_auth_method != "none":  # noqa: S105 - the name of a method
        return False
    uris = [redirect_uri] if redirect_uri else list(client.redirect_uris)
    return not uris or not all(_is_secure(uri) for uri in uris)


def _is_secure(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return False
    loopback = host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")
    return parts.scheme == "https" or (parts.scheme == "http" and loopback)
