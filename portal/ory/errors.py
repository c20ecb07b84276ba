"""Why Ory did not answer a question, by what the portal can do about it.

    OryError
    ├── OryUnavailableError     nobody answers, or 5xx, or 429: try again
    ├── OryNonsenseError        an answer, but not one of Ory's: an operator has to look
    ├── OryKeyError             the gateway refuses the API key: an operator has to look
    ├── OryRefusalError         400: the portal asked for something Ory does not do
    ├── OryNotFoundError        no such client
    ├── OryConflictError        such a client exists already
    ├── ChallengeExpiredError   the person took too long: start again
    ├── ChallengeUnknownError   the link is not one of Ory's: nothing to start again
    └── ChallengeUsedError      done already; Ory may say where to go

No message holds a challenge, a key or an address: messages end in logs.
"""

from typing import ClassVar


class OryError(Exception):
    """Any reason why there is no answer; ``code`` names it in logs and metrics."""

    code: ClassVar[str] = "error"


class OryUnavailableError(OryError):
    """Ory cannot be reached, takes too long, fails or is out of breath; asking again may help."""

    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds that Ory asked to wait, where it did."""
        self.address = ""
        """Where Ory was looked for; for operators, not for screens."""


class OryNonsenseError(OryError):
    """What answers is not the Ory we know: a proxy's page, another document, a foreign redirect."""

    code = "nonsense"


class OryKeyError(OryError):
    """The API key is missing, wrong or revoked. Never the fault of who sits at the browser."""

    code = "key"


class OryRefusalError(OryError):
    """Ory calls the request itself wrong; *description* is for operators, not for screens."""

    code = "refused"

    def __init__(self, message: str, *, description: str = "") -> None:
        super().__init__(message)
        self.description = description


class OryNotFoundError(OryError):
    """Ory does not know what was named (not a challenge)."""

    code = "not_found"


class OryConflictError(OryError):
    """What should be created exists."""

    code = "conflict"


class ChallengeExpiredError(OryError):
    """Older than Ory allows; one clock runs from the login's start to the consent's end."""

    code = "expired"


class ChallengeUnknownError(OryError):
    """Garbled, of another kind, or made under other secrets."""

    code = "unknown"


class ChallengeUsedError(OryError):
    """The request was completed; *redirect_to* is where Ory sends the browser, if that is safe."""

    code = "used"

    def __init__(self, message: str, *, redirect_to: str | None = None) -> None:
        super().__init__(message)
        self.redirect_to = redirect_to
