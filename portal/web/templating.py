"""The Jinja environment: escaping on, undefined names are errors, and an operator's directory comes
first.
"""

from datetime import UTC, datetime
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from portal.resources import resource_dir
from portal.settings import Settings
from portal.web.assets import asset_path


def environment(settings: Settings) -> Environment:
    """Templates of ``PORTAL_TEMPLATE_DIR`` win over the portal's own of the same name."""
    directories = [settings.template_dir, resource_dir("templates")]
    env = Environment(
        loader=ChoiceLoader([FileSystemLoader(Path(d)) for d in directories if d is not None]),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=settings.development,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=-1,
    )
    prefix = settings.base_path

    def path(to: str) -> str:
        return prefix + to

    env.globals["path"] = path
    env.globals["asset"] = lambda name: prefix + asset_path(name)
    env.filters["moment"] = moment
    env.filters["day"] = day
    return env


def moment(value: datetime) -> str:
    """An instant as people read it; UTC, because the server cannot know where they are."""
    return value.astimezone(UTC).strftime("%-d %b %Y, %H:%M UTC")


def day(value: datetime) -> str:
    """Its day alone, where the hour would only be in the way; UTC, too."""
    return value.astimezone(UTC).strftime("%-d %b %Y")
