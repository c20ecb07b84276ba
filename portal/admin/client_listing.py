"""The list of registered apps: Ory has no search, so what it lists is searched here."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from portal.admin.client_pages import ClientRowView, ClientsPage
from portal.admin.search_pages import what_is_wrong
from portal.admin.wording import apps_in_words
from portal.apps import clean_name, host_of
from portal.factors.levels import AAL2
from portal.grants import Policy
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.ory.errors import OryNotFoundError
from portal.ory.models import OAuth2Client
from portal.services import Services
from portal.store.tables import User
from portal.writing import number

PAGE: Final = 50
MOST: Final = 1000
"""So many apps are read for a search: ten calls. An exact id is found among any number."""
BOUND: Final = N_(
    "Ory has more apps than the {most} that are listed and searched here. "
    "The exact id of an app finds any of them."
)


async def list_clients(
    services: Services, *, admin: User, term: str, start: int, notice: str | None
) -> ClientsPage:
    """Those whose name or id holds *term*, by name, from the *start*-th on."""
    listed = await services.ory.list_clients(at_most=MOST + 1)
    more = len(listed) > MOST
    found = [client for client in listed[:MOST] if _fits(client, term)]
    if more and term and not any(client.client_id == term for client in found):
        found += await _exactly(term, services)
    found.sort(key=lambda client: (_name(client).casefold(), client.client_id))
    shown = found[start : start + PAGE]
    return ClientsPage(
        account=admin.email,
        app=term,
        rows=await _rows(shown, services),
        next_url=_url(term, start=start + PAGE) if len(found) > start + PAGE else None,
        first_url=_url(term) if start else None,
        total_text=_total(len(found), start, len(shown)),
        bound_text=_(BOUND).format(most=number(MOST)) if more else None,
        notice=notice,
    )


def refuse(found: Mapping[str, str], *, admin: User, term: str, start: str) -> ClientsPage:
    """The form as it came, with what is wrong with it."""
    return ClientsPage(
        account=admin.email,
        app=term,
        first_url=_url(term) if start else None,
        **what_is_wrong(found, {"app": N_("App")}),
    )


def _fits(client: OAuth2Client, term: str) -> bool:
    words = term.strip().casefold()
    return words in client.client_id.casefold() or words in _name(client).casefold()


async def _exactly(client_id: str, services: Services) -> list[OAuth2Client]:
    try:
        return [await services.ory.get_client(client_id.strip())]
    except OryNotFoundError:
        return []


async def _rows(clients: Sequence[OAuth2Client], services: Services) -> tuple[ClientRowView, ...]:
    # Hydra on SQLite takes a NUL; no database of ours does, so nothing is kept about such an app
    ids = [client.client_id for client in clients if "\0" not in client.client_id]
    async with services.store.reading() as rows:
        people = await rows.grants.count_people(ids)
        policies = await rows.policies.of_clients(ids)
    return tuple(
        ClientRowView(
            client_id=client.client_id,
            name=_name(client),
            public=client.token_endpoint_auth_method == "none",  # noqa: S105 - the name of a method
            skips=client.skip_consent,
            verified=Policy.of(policies.get(client.client_id)).verified,
            second_factor=Policy.of(policies.get(client.client_id)).required_acr == AAL2,
            hosts=_hosts(client),
            people=people.get(client.client_id, 0),
        )
        for client in clients
    )


def _name(client: OAuth2Client) -> str:
    return clean_name(client.client_name) or clean_name(client.client_id)


def _hosts(client: OAuth2Client) -> tuple[str, ...]:
    hosts = (host_of(uri) for uri in client.redirect_uris)
    return tuple(dict.fromkeys(host for host in hosts if host))


def _total(found: int, start: int, shown: int) -> str:
    if not found or not shown or shown == found:
        return apps_in_words(found)
    return _("Apps {first} to {last} of {all}").format(
        first=number(start + 1), last=number(start + shown), all=number(found)
    )


def _url(term: str, **start: int) -> str:
    query = urlencode(({"app": term} if term else {}) | start)
    return f"/admin/clients?{query}" if query else "/admin/clients"
