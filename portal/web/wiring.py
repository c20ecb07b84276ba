"""What the HTTP layer needs and one request never changes; ``create_app`` makes it,
``request.app.state.web`` holds it.
"""

from dataclasses import dataclass
from typing import cast

from jinja2 import Environment
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from portal.services import Services
from portal.settings import Settings
from portal.web.brand import Brand
from portal.web.cookies import Cookies
from portal.web.templating import environment
from portal.web.tokens import FormTokens

Injected = NamedDependency[SkipValidation[Services]]
"""The type of a handler's ``services`` parameter."""


@dataclass(frozen=True, slots=True)
class Web:
    """The tools of rendering and of reading cookies and forms."""

    settings: Settings
    templates: Environment
    cookies: Cookies
    tokens: FormTokens

    @classmethod
    def of(cls, settings: Settings) -> "Web":
        """Made from the settings alone."""
        return cls(
            settings=settings,
            templates=environment(settings),
            cookies=Cookies(settings),
            tokens=FormTokens(settings.secret_keys, lifetime=settings.challenge_ttl),
        )

    @property
    def brand(self) -> Brand:
        """The one that templates know."""
        return cast("Brand", self.templates.globals["brand"])
