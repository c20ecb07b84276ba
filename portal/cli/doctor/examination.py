"""What the checks share: settings, connections, what was learned, and what must be cleaned up."""

import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

from portal.cli.addresses import NETWORK
from portal.cli.doctor.finding import SkippedError
from portal.cli.doctor.probe import Answer, Probe
from portal.logs import one_line
from portal.ory.admin import OryAdmin
from portal.ory.connect import open_client, tls_context
from portal.ory.errors import OryError, OryNotFoundError
from portal.ory.models import LoginRequest
from portal.settings import Settings


class Examination:
    """One run. Checks read what earlier ones learned, and skip themselves where it is missing."""

    def __init__(self, *, env: Mapping[str, str], client_id: str | None) -> None:
        self.env, self.client_id = env, client_id
        self.known: Settings | None = None
        self.admin_works = False
        self.admin_answer: Answer | None = None
        self.discovery: dict[str, Any] | None = None
        self.started: Answer | None = None
        """Ory's answer to the authorization request that a browser would begin with."""
        self.login_request: LoginRequest | None = None
        self.jar: dict[str, str] = {}
        """What Ory's cookies would be in a browser that follows."""
        self.signed_in = False
        self.temporary_client: str | None = None
        self.subject: str | None = None
        """Who was signed in at Ory for a moment, and must be forgotten."""
        self._stack = AsyncExitStack()
        self._ory: OryAdmin | None = None
        self._probes: dict[str, Probe] = {}
        self._tls: ssl.SSLContext | None = None

    @property
    def settings(self) -> Settings:
        if self.known is None:
            raise SkippedError("the settings cannot be used")
        return self.known

    @property
    def admin_url(self) -> str:
        if self.settings.hydra_admin_url is None:
            raise SkippedError("HYDRA_ADMIN_URL is not set")
        return self.settings.hydra_admin_url

    @property
    def public_url(self) -> str:
        """At Ory Network the SDK URL is both sides."""
        found = public_url_of(self.settings)
        if found is None:
            raise SkippedError("HYDRA_PUBLIC_URL is not set")
        return found

    @property
    def base_url(self) -> str:
        return self.settings.base_url

    def expected(self, path: str) -> str:
        """Where Ory should send browsers for one page."""
        return f"{self.base_url}{path}"

    def require_public_side(self) -> dict[str, Any]:
        """What Ory's public side says of itself; without it there is nothing to begin at."""
        if self.discovery is None:
            raise SkippedError("Ory's public side cannot be used")
        return self.discovery

    async def ory(self) -> OryAdmin:
        """The admin API as the portal uses it, once it is known to work."""
        if not self.admin_works:
            raise SkippedError("Ory's admin API cannot be used")
        if self._ory is None:
            self._ory = await self._stack.enter_async_context(open_client(self.settings))
        return self._ory

    def probe(self) -> Probe:
        """Ask Ory, trusting whom the portal trusts for it."""
        if "ory" not in self._probes:
            self._probes["ory"] = Probe(self.tls())
        return self._probes["ory"]

    def browser_probe(self) -> Probe:
        """Ask the portal: browsers trust the usual authorities, and perhaps the same own one."""
        own, same = self.settings.ory_ca_file, self.probe()
        if own is None:
            return same
        if "portal" not in self._probes:
            trusted = ssl.create_default_context()
            trusted.load_verify_locations(own)
            self._probes["portal"] = Probe(trusted)
        return self._probes["portal"]

    def tls(self) -> ssl.SSLContext:
        """Whom we trust at Ory; a file that holds no certificates is a ``SettingsError``."""
        if self._tls is None:
            self._tls = tls_context("https:", self.settings.ory_ca_file)
        if self._tls is None:
            raise AssertionError("https has a context")
        return self._tls

    def key(self) -> str | None:
        """The API key; for the admin API and nobody else."""
        settings = self.settings
        if settings.ory_api_key is None:
            return None
        return settings.ory_api_key.reveal()

    async def visit(self, url: str, *, with_cookies: bool) -> Answer:
        """Open a page of Ory's public side as a browser would; never with the key."""
        headers = {}
        if with_cookies and self.jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        answer = await self.probe().get(url, headers)
        if with_cookies:
            self._keep(answer)
        return answer

    def _keep(self, answer: Answer) -> None:
        for line in answer.cookies:
            name, _, value = line.partition(";")[0].strip().partition("=")
            if value:
                self.jar[name] = value
            else:
                self.jar.pop(name, None)

    async def clean_up(self) -> list[str]:
        """Delete what was made at Ory. Return what could not be, in words with what to do."""
        left: list[str] = []
        if self.subject is not None and self._ory is not None:
            try:
                await self._ory.end_login_sessions(self.subject)
                self.subject = None
            except OryError as exc:
                left.append(f"a session of {self.subject} that nobody can use ({exc.code})")
        if self.temporary_client is not None and self._ory is not None:
            try:
                await self._ory.delete_client(self.temporary_client)
                self.temporary_client = None
            except OryNotFoundError:
                self.temporary_client = None
            except OryError as exc:
                left.append(
                    f"the client {self.temporary_client} ({exc.code}); "
                    f"run: portal clients delete {self.temporary_client}"
                )
        return left

    async def aclose(self) -> None:
        """Hang up."""
        for probe in self._probes.values():
            await probe.aclose()
        await self._stack.aclose()


def public_url_of(settings: Settings) -> str | None:
    """Where browsers meet Ory: what is set, else the SDK URL of a project with a key."""
    if settings.hydra_public_url is not None:
        return settings.hydra_public_url
    return settings.hydra_admin_url if is_network(settings) else None


def is_network(settings: Settings) -> bool:
    """Whether Ory is a project at Ory Network: a key is needed there and nowhere else."""
    host = urlsplit(settings.hydra_admin_url or "").hostname or ""
    return settings.ory_api_key is not None or host.endswith(NETWORK)


def in_words(exc: OryError) -> str:
    """An error of Ory's client, which holds no address and no challenge."""
    return one_line(str(exc)) or exc.code
