"""All that a stand-in remembers, in memory: gone when it ends."""

import asyncio
import os
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from portal.dev.standin.client import Client
from portal.dev.standin.config import StandInConfig
from portal.dev.standin.flow import Flow, LogoutFlow
from portal.dev.standin.keys import SigningKey
from portal.dev.standin.profile import PROFILES, Profile
from portal.dev.standin.sealing import Sealer

TokenKind = Literal["code", "access", "refresh", "device"]


@dataclass(kw_only=True)
class Registration:
    """A client and the secrets that open it; earlier ones stay valid until they are deleted."""

    client: Client
    secrets: list[str] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class LoginSession:
    """A browser that is signed in."""

    id: str
    subject: str
    authenticated_at: int
    remembered: bool


@dataclass(kw_only=True)
class Consent:
    """What Hydra writes when a browser brings back a consent's verifier."""

    flow: Flow
    request_id: str
    """Tokens are found by it."""
    login_session_id: str
    """Empty once that session was deleted."""


@dataclass(frozen=True, kw_only=True)
class Authorization:
    """What the tokens of one authorization say, and what its code is bound to."""

    request_id: str
    client_id: str
    subject: str
    scope: tuple[str, ...]
    audience: tuple[str, ...]
    extra: dict[str, Any] = field(default_factory=dict)
    id_claims: dict[str, Any] = field(default_factory=dict)
    """Everything that an ID token says of person and login, without what differs by token."""
    redirect_uri: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""


@dataclass(kw_only=True)
class Token:
    """A code or token that was given out."""

    kind: TokenKind
    authorization: Authorization
    issued_at: int
    expires_at: int | None
    used: bool = False
    pkce_tried: bool = False
    """A code's PKCE data is gone with the first try, a failed one too."""


@dataclass(kw_only=True)
class DeviceRequest:
    """A device that waits for a person (RFC 8628)."""

    id: str
    client_id: str
    user_code: str
    scope: tuple[str, ...]
    audience: tuple[str, ...]
    expires_at: float
    authorization: Authorization | None = None
    used: bool = False
    """Its tokens were given out."""
    revoked: bool = False


class State:
    """Shared by the public and the admin side. *now* and *random* are passed in by tests."""

    def __init__(
        self,
        config: StandInConfig,
        *,
        now: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.config = config
        self.profile: Profile = PROFILES[config.profile]
        self.now, self.random = now, random
        self.sealer = Sealer(random=random)
        self.id_token_key, self.access_token_key = SigningKey(), SigningKey()
        self.registrations: dict[str, Registration] = {}
        self.login_sessions: dict[str, LoginSession] = {}
        self.consents: dict[str, Consent] = {}
        """By flow id: the first verifier of a flow that comes wins."""
        self.logouts: dict[str, LogoutFlow] = {}
        self.device_requests: dict[str, DeviceRequest] = {}
        """By device code."""
        self._tokens: dict[tuple[TokenKind, str], Token] = {}
        self._background: set[asyncio.Task[None]] = set()

    # --- time and chance

    def seconds(self) -> int:
        return int(self.now())

    def timestamp(self, *, fraction: bool = True) -> str:
        """Now (RFC 3339)."""
        moment = datetime.fromtimestamp(self.now(), UTC)
        if not fraction:
            return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        return f"{moment:%Y-%m-%dT%H:%M:%S.%f}".rstrip("0").rstrip(".") + "Z"

    def uuid(self) -> str:
        return str(uuid.UUID(bytes=self.random(16), version=4))

    def hex_id(self) -> str:
        return self.random(16).hex()

    def text(self, length: int, alphabet: str) -> str:
        """Letters by chance, each as likely as any other."""
        letters: list[str] = []
        whole = 256 - 256 % len(alphabet)
        while len(letters) < length:
            letters += [alphabet[b % len(alphabet)] for b in self.random(length) if b < whole]
        return "".join(letters[:length])

    def has_expired(self, requested_at: int) -> bool:
        return requested_at + self.config.ttl_login_consent_request < self.now()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let *work* go on behind the answer."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # --- clients

    def find_client(self, client_id: str) -> Client | None:
        found = self.registrations.get(client_id)
        return found.client if found else None

    def delete_client(self, client_id: str) -> None:
        """With all that was ever granted to it."""
        del self.registrations[client_id]
        for flow_id in [i for i, c in self.consents.items() if c.flow.client_id == client_id]:
            del self.consents[flow_id]
        self._forget(lambda token: token.authorization.client_id == client_id)
        for code in [c for c, d in self.device_requests.items() if d.client_id == client_id]:
            del self.device_requests[code]

    # --- login sessions

    def find_remembered(self, session_id: str) -> LoginSession | None:
        found = self.login_sessions.get(session_id)
        return found if found and found.remembered else None

    def delete_login_session(self, session_id: str) -> None:
        """Consents stay, and no longer know in which session they were given."""
        self.login_sessions.pop(session_id, None)
        for consent in self.consents.values():
            if consent.login_session_id == session_id:
                consent.login_session_id = ""

    # --- consents

    def consents_of(self, subject: str) -> Iterator[Consent]:
        """Those that are listed: asked for, granted. Newest first, as far as seconds can tell."""
        found = [
            c
            for c in self.consents.values()
            if c.flow.subject == subject and not c.flow.consent_skip and not c.flow.consent_error
        ]
        return iter(sorted(found, key=lambda c: -c.flow.requested_at))

    def is_over(self, consent: Consent) -> bool:
        """Whether ``remember_for`` has passed, which counts from the login's start."""
        flow = consent.flow
        limit = flow.requested_at + flow.consent_remember_for
        return flow.consent_remember_for > 0 and limit < self.now()

    def find_remembered_consent(self, subject: str, client_id: str) -> Consent | None:
        """The newest that was remembered, and no other: Hydra looks no further."""
        for consent in self.consents_of(subject):
            if consent.flow.client_id == client_id and consent.flow.consent_remember:
                return None if self.is_over(consent) else consent
        return None

    def delete_consents(self, is_meant: Callable[[Consent], bool]) -> None:
        """With every code and token that came of them, also of silent and of refused ones."""
        for flow_id in [i for i, consent in self.consents.items() if is_meant(consent)]:
            request_id = self.consents.pop(flow_id).request_id
            self._forget(lambda token, key=request_id: token.authorization.request_id == key)  # type: ignore[misc]  # mypy: a default in a lambda
            for device in self.device_requests.values():
                if device.authorization and device.authorization.request_id == request_id:
                    device.revoked = True

    # --- codes and tokens

    def keep_token(
        self, kind: TokenKind, value: str, authorization: Authorization, *, lifetime: float | None
    ) -> Token:
        issued = self.seconds()
        expires = None if lifetime is None else round(self.now() + lifetime)
        token = Token(kind=kind, authorization=authorization, issued_at=issued, expires_at=expires)
        self._tokens[kind, value] = token
        return token

    def find_token(self, kind: TokenKind, value: str) -> Token | None:
        return self._tokens.get((kind, value))

    def is_alive(self, token: Token) -> bool:
        return not token.used and (token.expires_at is None or token.expires_at > self.now())

    def revoke_request(self, request_id: str) -> None:
        """Access tokens are forgotten; refresh tokens are kept as used, to notice their return."""
        self._forget(
            lambda token: token.kind == "access" and token.authorization.request_id == request_id
        )
        for token in self._tokens.values():
            if token.kind == "refresh" and token.authorization.request_id == request_id:
                token.used = True

    def delete_access_tokens(self, client_id: str) -> None:
        self._forget(
            lambda token: token.kind == "access" and token.authorization.client_id == client_id
        )

    def _forget(self, is_meant: Callable[[Token], bool]) -> None:
        for key in [k for k, token in self._tokens.items() if is_meant(token)]:
            del self._tokens[key]
