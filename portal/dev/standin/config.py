"""What differs between one stand-in and another, with Hydra's own defaults and names."""

from dataclasses import dataclass
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from portal.dev.serving import is_loopback

DAY = 86_400


class ConfigError(ValueError):
    """A stand-in cannot be like this; the message is one line that says why."""


@dataclass(frozen=True, kw_only=True)
class StandInConfig:
    """Origins without a trailing slash; lifetimes in seconds. The issuer is ``public_url``."""

    public_url: str
    admin_url: str
    login_url: str
    consent_url: str
    logout_url: str
    error_url: str
    post_logout_redirect_url: str
    registration_url: str | None = None
    """Where ``prompt=registration`` leads; None: to ``login_url``."""
    device_verification_url: str
    device_success_url: str
    profile: Literal["2.3", "26"] = "2.3"
    """Whose defects it has: Hydra 2.3.0's, or those of the releases called 26."""
    ttl_login_consent_request: int = 1800
    ttl_authentication_session: int = 30 * DAY
    ttl_auth_code: int = 600
    ttl_access_token: int = 3600
    ttl_id_token: int = 3600
    ttl_refresh_token: int = 30 * DAY
    """-1: they never expire."""
    ttl_device_user_code: int = 600
    access_token_strategy: Literal["opaque", "jwt"] = "opaque"  # noqa: S105 - no password
    scope_strategy: Literal["wildcard", "exact"] = "wildcard"
    supported_scope: tuple[str, ...] = ("offline_access", "offline", "openid")
    supported_claims: tuple[str, ...] = ("sub",)
    api_key: str | None = None
    """Set: the admin API wants it as a bearer, and refuses as Ory Network's gateway does."""

    def __post_init__(self) -> None:
        for name in ("public_url", "admin_url"):
            _check_origin(name, getattr(self, name))
        for name in _PAGES:
            _check_page(name, getattr(self, name))
        for name in _LIFETIMES:
            if getattr(self, name) < 1 and (name, getattr(self, name)) != ("ttl_refresh_token", -1):
                raise ConfigError(f"{name} must be at least one second.")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise ConfigError(f"{name} must be one of: {', '.join(known)}.")

    @classmethod
    def for_portal(cls, portal_url: str, *, public_url: str, admin_url: str, **more: Any) -> Self:
        """One whose pages are those of the portal at *portal_url*."""
        at = portal_url.rstrip("/")
        pages = {
            "login_url": f"{at}/login",
            "consent_url": f"{at}/consent",
            "logout_url": f"{at}/logout",
            "error_url": f"{at}/error",
            "post_logout_redirect_url": f"{at}/",
            "device_verification_url": f"{at}/device/verify",
            "device_success_url": f"{at}/device/success",
        }
        return cls(public_url=public_url, admin_url=admin_url, **pages | more)


_PAGES = (
    "login_url",
    "consent_url",
    "logout_url",
    "error_url",
    "post_logout_redirect_url",
    "registration_url",
    "device_verification_url",
    "device_success_url",
)
_LIFETIMES = (
    "ttl_login_consent_request",
    "ttl_authentication_session",
    "ttl_auth_code",
    "ttl_access_token",
    "ttl_id_token",
    "ttl_refresh_token",
    "ttl_device_user_code",
)
_CHOICES = {
    "profile": ("2.3", "26"),
    "access_token_strategy": ("opaque", "jwt"),
    "scope_strategy": ("wildcard", "exact"),
}


def _check_origin(name: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        is_origin = parts.scheme in {"http", "https"} and bool(parts.hostname)
        is_origin = (
            is_origin and url == f"{parts.scheme}://{parts.netloc}" and (parts.port or 1) > 0
        )
    except ValueError:
        is_origin = False
        parts = urlsplit("")
    if not is_origin:
        raise ConfigError(
            f"{name} must be an origin such as http://127.0.0.1:4444, without a path."
        )
    if not is_loopback(parts.hostname or ""):
        raise ConfigError(f"{name} must be on a loopback address: this is for development only.")


def _check_page(name: str, url: str | None) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url)
        is_page = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_page = False
    if not is_page:
        raise ConfigError(f"{name} must be an http or https address.")
