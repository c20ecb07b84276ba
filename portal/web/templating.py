"""The Jinja environment: escaping on, undefined names are errors, and an operator's directory comes
first.
"""

from typing import Final

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from portal import i18n, writing
from portal.apps import clean_name
from portal.resources import resource_dir
from portal.settings import Settings
from portal.web.assets import asset_path
from portal.web.brand import Brand

ORIGINALS: Final = "portal"


def environment(settings: Settings) -> Environment:
    """Templates of ``PORTAL_TEMPLATE_DIR`` win over the portal's own of the same name, which they
    can build upon as ``portal/…``.
    """
    ours = FileSystemLoader(resource_dir("templates"))
    theirs = [FileSystemLoader(settings.template_dir)] if settings.template_dir else []
    env = Environment(
        loader=ChoiceLoader([*theirs, ours, PrefixLoader({ORIGINALS: ours})]),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=settings.development,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=-1,
        extensions=["jinja2.ext.i18n"],
    )
    env.install_gettext_callables(  # type: ignore[attr-defined]  # the extension's own method
        i18n.gettext, i18n.ngettext, newstyle=True, pgettext=i18n.pgettext
    )
    env.policies["ext.i18n.trimmed"] = True
    env.globals["language"] = i18n.language
    env.globals["languages"] = i18n.LANGUAGES
    env.globals["site_name"] = settings.site_name
    env.globals["brand"] = Brand.of(settings)
    prefix = settings.base_path

    def path(to: str) -> str:
        return prefix + to

    env.globals["path"] = path
    env.globals["asset"] = lambda name: prefix + asset_path(name)
    env.filters["moment"] = writing.moment
    env.filters["day"] = writing.day
    env.filters["listed"] = writing.listed
    env.filters["number"] = writing.number
    env.filters["cleaned"] = clean_name  # where no element can isolate a text: in titles
    return env
