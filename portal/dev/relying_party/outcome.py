"""How a flow ended, for whoever started the client: a line, and the tokens as Hydra prints them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from portal.dev.relying_party.browsers import Result
from portal.dev.relying_party.idtoken import Check
from portal.dev.relying_party.provider import TokenAnswer
from portal.dev.relying_party.words import one_line

FAILED: Final = "check_failed"
"""Our own code for tokens that must not be used."""


@dataclass(frozen=True, kw_only=True)
class FlowResult:
    """How a flow ended, for whoever started the client."""

    ok: bool
    summary: str
    """One line, without secrets."""
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    """As Hydra's own command prints them; empty if the flow failed."""
    error: str = ""
    subject: str = ""
    """Who signed in, and at which issuer; empty where no ID token came."""
    issuer: str = ""
    checks: tuple[Check, ...] = ()


def outcome(result: Result) -> FlowResult:
    """Say in one line how it ended; with Hydra's own keys if there are tokens."""
    if result.tokens is not None and not result.error:
        subject = result.id_token.claims.get("sub") if result.id_token else None
        who = f"tokens for {one_line(str(subject), 120)}" if subject else "an access token"
        granted = one_line(" ".join(result.granted), 500) or "nothing"
        document = token_document(result.tokens, received_at=result.received_at)
        return FlowResult(
            ok=True,
            summary=f"{who}; granted: {granted}",
            tokens=document,
            subject=str(subject or ""),
            issuer=result.attempt.issuer if subject else "",
            checks=result.checks,
        )
    if result.error == FAILED:
        wrong = [check for check in result.checks if check.passed is False]
        words = " ".join(f"{check.name}: {check.words}" for check in wrong)
        return FlowResult(
            ok=False, summary=f"a check failed. {words}", error=FAILED, checks=result.checks
        )
    said = ": ".join(filter(None, (result.error, result.description)))
    return FlowResult(ok=False, summary=said, error=result.error)


def token_document(tokens: TokenAnswer, *, received_at: float) -> dict[str, str]:
    """Write tokens as Hydra's own command does."""
    document = {"access_token": tokens.access_token, "token_type": tokens.token_type}
    if tokens.refresh_token:
        document["refresh_token"] = tokens.refresh_token
    if expires := expiry(tokens, received_at=received_at):
        document["expiry"] = expires.isoformat(timespec="seconds")
    if tokens.id_token:
        document["id_token"] = tokens.id_token
    return document


def expiry(tokens: TokenAnswer, *, received_at: float) -> datetime | None:
    """When the access token ends; None if Ory did not say, or nonsense."""
    if tokens.expires_in is None or not 0 <= tokens.expires_in < 1e10:
        return None
    return datetime.fromtimestamp(received_at + tokens.expires_in, UTC)
