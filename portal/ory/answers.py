"""From Ory's raw answer to a document, or to the error that it means.

Status codes alone do not tell: an expired challenge and a refused API key are both 401. Hydra's own
errors are ``{"error": "<text>"}``; Ory Network's gateway sends ``{"error": {…}}``; proxies send
pages.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from portal.ory.errors import (
    ChallengeExpiredError,
    ChallengeUnknownError,
    ChallengeUsedError,
    OryConflictError,
    OryError,
    OryKeyError,
    OryNonsenseError,
    OryNotFoundError,
    OryRefusalError,
    OryUnavailableError,
)

T = TypeVar("T")

_STRUCTS = ("client", "oidc_context", "consent_request", "session")
"""Members that are documents themselves. Null members are dropped in these, not in opaque ones."""
_LONG = re.compile(r"[A-Za-z0-9_=.%-]{32,}|https?://\S*")
_PREAMBLE = re.compile(r"The value of one of the Client Metadata fields .*?Client's Metadata\. ")
"""What RFC 7591 has to say in general, before Hydra comes to the point."""
_NEXT = re.compile(r'<([^<>]*)>\s*;\s*rel="?next"?')


class Answer(msgspec.Struct, frozen=True):
    """One complete answer, small enough to be one of Ory's."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Answer({self.status})"

    @property
    def retry_after(self) -> int | None:
        """Whole seconds that Ory asks to wait; dates and nonsense count as not said."""
        text = self.headers.get("retry-after", "")
        return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else None

    @property
    def is_json(self) -> bool:
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind == "application/json" or kind.endswith("+json")

    def next_page_token(self) -> str | None:
        """Return the token of the ``rel=next`` link; the link's address is never followed."""
        found = _NEXT.search(self.headers.get("link", ""))
        if found is None:
            return None
        try:
            return parse_qs(urlsplit(found[1]).query).get("page_token", [None])[0]
        except ValueError:
            return None


def read(answer: Answer, kind: type[T], *, endpoint: str) -> T:
    """Return the document in *answer*; any other document is nonsense."""
    try:
        return msgspec.convert(_decode(answer, endpoint), kind)
    except msgspec.ValidationError as exc:
        raise OryNonsenseError(f"{endpoint}: not the document expected: {exc}") from None


def _decode(answer: Answer, endpoint: str) -> Any:
    if not answer.is_json:
        raise OryNonsenseError(f"{endpoint}: {answer.status} without JSON")
    try:
        return _without_nulls(msgspec.json.decode(answer.body))
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise OryNonsenseError(f"{endpoint}: {answer.status} with broken JSON") from None


def _without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _without_nulls(member) if name in _STRUCTS else member
        for name, member in value.items()
        if member is not None
    }


def error_of(answer: Answer, *, endpoint: str, is_challenge: bool) -> OryError:
    """Tell what an answer other than success means; *is_challenge*: it is about a challenge.

    The redirect of a 410 is handed on as it is: checking it needs Ory's public side.
    """
    status, said = answer.status, f"{endpoint}: {answer.status}"
    if status >= 500 or status == 429:
        return OryUnavailableError(said, retry_after=answer.retry_after)
    if status == 410 and is_challenge:
        return ChallengeUsedError(said, redirect_to=_redirect_in(answer))
    error = _error_document(answer).get("error")
    if status in (401, 403):
        expired = status == 401 and is_challenge and error == "request_unauthorized"
        return ChallengeExpiredError(said) if expired else OryKeyError(f"{said}, key refused")
    if not isinstance(error, str):
        return OryNonsenseError(f"{said} without an error of Ory's")
    return _hydra_error(answer, said, is_challenge=is_challenge)


def _hydra_error(answer: Answer, said: str, *, is_challenge: bool) -> OryError:
    if answer.status == 404:
        return ChallengeUnknownError(said) if is_challenge else OryNotFoundError(said)
    if answer.status == 409:
        return OryConflictError(said)
    if answer.status == 400:
        description = _description(answer)
        return OryRefusalError(f"{said}, {description}", description=description)
    return OryNonsenseError(f"{said} is no answer of Ory's to this")


def _error_document(answer: Answer) -> dict[str, Any]:
    try:
        return read(answer, dict[str, Any], endpoint="")
    except OryNonsenseError:
        return {}


def _description(answer: Answer) -> str:
    """Ory's words, cut short, and without anything that looks like a challenge or an address."""
    document = _error_document(answer)
    text = f"{document.get('error', '')} {document.get('error_description', '')}"
    text = _PREAMBLE.sub("", text)
    return _LONG.sub("…", "".join(c if c.isprintable() else " " for c in text))[:300].strip()


def _redirect_in(answer: Answer) -> str | None:
    """Where an error answer points to, not checked yet."""
    target = _error_document(answer).get("redirect_to")
    return target if isinstance(target, str) else None
