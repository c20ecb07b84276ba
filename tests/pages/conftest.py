import jinja2
import pytest

from portal.settings import Settings
from portal.web.templating import environment

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
