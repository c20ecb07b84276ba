"""What the local client is told when it starts."""

import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from portal.dev.relying_party.asked import Asked
from portal.dev.serving import LOOPBACK, is_loopback

PORT: Final = 5555
CALLBACK: Final = "/callback"
OWN_PATHS: Final = ("/", "/perform-flow", "/again", "/after-logout", "/tokens", "/style")
_PATH: Final = re.compile(r"(/[\w.~-]+)+", re.ASCII)
Key = Callable[[], str | None]


class ConfigError(ValueError):
    """The client cannot be started like this; the message is one line."""


@dataclass(frozen=True, kw_only=True)
class RelyingPartyConfig:
    """Who the client is, where Ory is, and what it asks for.

    ``public_url`` is where discovery is read; the issuer it names must be the same. ``admin_url``
    and ``admin_key`` are for introspection, and for asking whether the page after logout is
    registered; the key is sent to that address only.
    """

    client_id: str
    public_url: str
    client_secret: str | None = field(default=None, repr=False)
    admin_url: str | None = None
    admin_key: Key | None = field(default=None, repr=False)
    port: int = PORT
    https: bool = False
    redirect_uri: str = ""
    scope: tuple[str, ...] = ("openid", "offline")
    audience: tuple[str, ...] = ()
    prompt: str = ""
    max_age: int | None = None
    acr_values: str = ""
    login_hint: str = ""
    ui_locales: str = ""
    claims: str = ""
    response_mode: Literal["query", "form_post"] = "query"
    auth_url: str | None = None
    token_url: str | None = None
    verify_tls: bool = True
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        if not self.client_id or not self.client_id.isprintable():
            raise ConfigError("the client id is missing.")
        object.__setattr__(self, "public_url", self.public_url.rstrip("/"))
        if self.admin_url:
            base = self.admin_url.rstrip("/").removesuffix("/admin")
            object.__setattr__(self, "admin_url", base)
        if not self.redirect_uri:
            scheme = "https" if self.https else "http"
            uri = f"{scheme}://{LOOPBACK}:{self.port}{CALLBACK}"
            object.__setattr__(self, "redirect_uri", uri)
        for name in ("public_url", "admin_url", "auth_url", "token_url", "redirect_uri"):
            if getattr(self, name):
                require_web_address(name, getattr(self, name))
        path = urlsplit(self.redirect_uri).path.rstrip("/") or "/"
        if path in OWN_PATHS or path.startswith(("/tokens/", "/style/")):
            raise ConfigError(f"redirect_uri: {path} is another page of this client.")
        if not _PATH.fullmatch(path):
            raise ConfigError("redirect_uri: its path may hold letters, digits and . _ ~ - only.")
        _ = self.asked  # its values are checked, too

    @property
    def asked(self) -> Asked:
        """What "Authorize application" asks for."""
        return Asked(
            scope=self.scope,
            audience=self.audience,
            prompt=self.prompt,
            max_age=self.max_age,
            acr_values=self.acr_values,
            login_hint=self.login_hint,
            ui_locales=self.ui_locales,
            claims=self.claims,
        )

    @property
    def callback_path(self) -> str:
        """Where Ory sends the browser back to."""
        return urlsplit(self.redirect_uri).path

    @property
    def origin(self) -> str:
        """Where a browser that has come back is: scheme, host and port."""
        parts = urlsplit(self.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def home(self) -> str:
        """The address of the welcome page."""
        return f"{self.origin}/"

    @property
    def after_logout(self) -> str:
        """Where Ory may send the browser after a logout, if that is registered."""
        return f"{self.origin}/after-logout"

    @property
    def hosts(self) -> frozenset[str]:
        """The values of ``Host`` that are answered; any other one is a trick with DNS."""
        names = {f"{name}:{self.port}" for name in (LOOPBACK, "localhost", "[::1]")}
        return frozenset(names | {urlsplit(self.redirect_uri).netloc.lower()})

    @property
    def on_loopback(self) -> bool:
        """Whether browsers come here directly, and not through a tunnel."""
        return is_loopback(urlsplit(self.redirect_uri).hostname or "")

    def tls(self) -> ssl.SSLContext | bool:
        """How Ory's certificate is judged."""
        if not self.verify_tls or self.ca_file is None:
            return self.verify_tls
        try:
            return ssl.create_default_context(cafile=str(self.ca_file))
        except OSError as exc:  # ssl.SSLError is one
            raise ConfigError(f"the certificates in {self.ca_file} cannot be read.") from exc


def require_web_address(name: str, text: str) -> None:
    """Raise :class:`ConfigError` unless a browser and we can be sent to *text*."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        usable = False
    if not usable or "@" in urlsplit(text).netloc or not text.isprintable() or " " in text:
        raise ConfigError(f"{name}: must be an address such as http://127.0.0.1:4444.")
    if urlsplit(text).fragment:
        raise ConfigError(f"{name}: must have no fragment (#).")
