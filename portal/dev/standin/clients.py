"""The admin API of clients."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from msgspec.structs import replace

from portal.dev.standin import jsonpatch
from portal.dev.standin.bodies import BodyError, load
from portal.dev.standin.client import DEVICE_LIFESPANS, LIFESPANS, Client, check, parse
from portal.dev.standin.errors import BAD_REQUEST, CONFLICT, NOT_FOUND, OAuthError, unrecognizable
from portal.dev.standin.http import Request, Response, answer, no_content
from portal.dev.standin.opaque import new_token
from portal.dev.standin.pagination import count_headers, keyed_page, window_of
from portal.dev.standin.state import Registration, State

_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~"
_LENGTH: Final = 26


@dataclass(frozen=True)
class Clients:
    """``/admin/clients``."""

    state: State

    def create(self, request: Request) -> Response:
        members = _load(request)
        client = self._check(parse(members), members)
        chosen = client.client_id
        client.client_id = chosen or self.state.uuid()
        if client.client_id in self.state.registrations:
            raise CONFLICT()
        secret = client.client_secret or self.state.text(_LENGTH, _ALPHABET)
        client.created_at = self.state.timestamp(fraction=False)
        client.updated_at = self.state.timestamp()
        kept = replace(client, client_secret="").stored()
        secrets = [] if client.is_public else [secret]
        self.state.registrations[client.client_id] = Registration(client=kept, secrets=secrets)
        shown = replace(
            client,
            client_secret="" if client.is_public else secret,
            registration_access_token=new_token("at", self.state.random),
            registration_client_uri=f"{self.state.config.public_url}/oauth2/register/{quote(chosen)}",
        )
        location = ("location", f"/admin/clients/{client.client_id}")
        return answer(self._document(shown, secret=True), 201, location)

    def get(self, request: Request) -> Response:
        return answer(self._document(self._find(request).client))

    def replace(self, request: Request) -> Response:
        """All of it: what is left out falls back to the default; the secret stays."""
        members = _load(request)
        client = self._check(parse(members), members)
        return self._keep(request, client)

    def patch(self, request: Request) -> Response:
        """JSON Patch; the id cannot be changed."""
        known = self._find(request).client
        before = self._document(known)
        try:
            after = jsonpatch.apply(before, load(request))
        except (BodyError, jsonpatch.PatchError):
            raise unrecognizable() from None
        if not isinstance(after, dict):
            raise unrecognizable()
        if after.get("client_id") != known.client_id:
            raise NOT_FOUND()
        try:
            client = parse(after)
        except OAuthError:
            raise unrecognizable() from None
        client.created_at = known.created_at
        return self._keep(
            request, self._check(client, {"jwks": after.get("jwks") or None}).stored()
        )

    def _keep(self, request: Request, client: Client) -> Response:
        registration = self._find(request)
        secret = client.client_secret
        client.client_id = registration.client.client_id
        client.client_secret = ""
        client.created_at = registration.client.created_at
        client.updated_at = self.state.timestamp()
        client.registration_access_token = client.registration_client_uri = ""
        registration.client = client.stored()
        if secret:
            registration.secrets = [secret]
        return answer(self._document(replace(client, client_secret=secret), secret=True))

    def delete(self, request: Request) -> Response:
        self.state.delete_client(self._find(request).client.client_id)
        return no_content()

    def list(self, request: Request) -> Response:
        name, owner = request.query.get("client_name"), request.query.get("owner")
        every = sorted(
            (r.client for r in self.state.registrations.values()), key=lambda c: c.client_id
        )
        found = [
            c
            for c in every
            if (not name or c.client_name == name) and (not owner or c.owner == owner)
        ]
        if not self.state.profile.counts_pages:
            shown, headers = keyed_page(request, self.state, [(c.client_id, c) for c in found])
            return answer([self._document(client) for client in shown], 200, *headers)
        window = window_of(request)
        cut = found[window.offset : window.offset + window.size]
        headers = count_headers(request, total=len(every), page=window.page, size=window.size)
        return answer([self._document(client) for client in cut], 200, *headers)

    def set_lifespans(self, request: Request) -> Response:
        """All lifespans at once; those left out fall back to the server's."""
        members = _load(request)
        said = parse(members)
        registration = self._find(request)
        names = (*LIFESPANS, *DEVICE_LIFESPANS)
        registration.client = replace(
            registration.client,
            updated_at=self.state.timestamp(),
            **{name: getattr(said, name) for name in names},
        )
        return answer(self._document(registration.client))

    def rotate_secret(self, request: Request) -> Response:
        """A new secret; those before it stay valid until they are deleted."""
        registration = self._find(request)
        secret = self.state.text(_LENGTH, _ALPHABET)
        registration.secrets.insert(0, secret)
        registration.client.updated_at = self.state.timestamp()
        shown = replace(registration.client, client_secret=secret)
        return answer(self._document(shown, secret=True))

    def forget_rotated(self, request: Request) -> Response:
        """Only the newest secret stays."""
        registration = self._find(request)
        del registration.secrets[1:]
        return answer(self._document(registration.client))

    def _check(self, client: Client, members: Any) -> Client:
        jwks_given = isinstance(members, dict) and members.get("jwks") is not None
        refuses = self.state.profile.refuses_script_addresses
        return check(client, refuses_scripts=refuses, jwks_given=jwks_given)

    def _find(self, request: Request) -> Registration:
        found = self.state.registrations.get(request.parameters["client_id"])
        if found is None:
            raise NOT_FOUND()
        return found

    def _document(self, client: Client, *, secret: bool = False) -> dict[str, Any]:
        return client.document(secret=secret, device=self.state.profile.has_device_flow)


def _load(request: Request) -> Any:
    try:
        return load(request)
    except BodyError as exc:
        raise BAD_REQUEST(f"Unable to decode the request body: {exc}") from None
