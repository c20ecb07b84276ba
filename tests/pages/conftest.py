from collections.abc import AsyncIterator

import jinja2
import pytest

from portal.settings import Settings
from portal.web.templating import environment
from tests.pages.site import SampleSite, sample_site

PREFIX = "/portal"


@pytest.fixture(scope="session")
def env() -> jinja2.Environment:
    """The real environment, of a portal that lives under a prefix."""
    return environment(
        Settings.from_env(
            {
                "HYDRA_ADMIN_URL": "http://127.0.0.1:4445",
                "BASE_URL": f"https://login.example.org{PREFIX}",
                "SECRET_KEY": "k" * 40,
            }
        )
    )


@pytest.fixture(scope="module")
async def site() -> AsyncIterator[SampleSite]:
    """A server of the samples; what one test plans for it is gone in the next module."""
    async with sample_site() as running:
        yield running
