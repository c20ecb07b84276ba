"""Clients of Ory: over the double in memory, and the product's own over a real socket."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from portal.ory.admin import OryAdmin
from portal.ory.connect import open_client
from portal.ory.transport import DirectClient
from portal.settings import Settings
from tests.doubles.ory import OryDouble

OpenProduct = Callable[..., AbstractAsyncContextManager[OryAdmin]]


@pytest.fixture
def double() -> OryDouble:
    return OryDouble()


@pytest.fixture
def client_of() -> Callable[..., OryAdmin]:
    """An OryAdmin over a double."""

    def make(double: OryDouble, **options: Any) -> OryAdmin:
        options.setdefault("public_url", double.public_url)
        options.setdefault("api_key", lambda: None)
        http = DirectClient(double.transport())
        return OryAdmin(http, base_url=double.admin_url, **options)

    return make


@pytest.fixture
def ory(double: OryDouble, client_of: Callable[..., OryAdmin]) -> OryAdmin:
    return client_of(double)


@pytest.fixture
def product() -> OpenProduct:
    """The client as the portal opens it, against *url*; variables as in the environment."""

    @asynccontextmanager
    async def open_product(url: str, **variables: str) -> AsyncIterator[OryAdmin]:
        env = {"HYDRA_ADMIN_URL": url, "PORTAL_ORY_TIMEOUT": "0.6"} | variables
        async with open_client(Settings.from_env(env)) as ory:
            yield ory

    return open_product
