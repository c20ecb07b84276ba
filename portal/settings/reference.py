"""``docs/configuration.md``, written from the fields so that it cannot disagree with them."""

from pathlib import Path
from typing import Any, Final

import msgspec

from portal.settings.fields import OPTIONS, Settings
from portal.settings.option import Option

_HEAD: Final = """\
# Configuration

Written by `python -m portal.settings > docs/configuration.md`; do not edit it by hand.

The portal is configured by environment variables. A file `.env` in the working directory is read
too; the environment wins. All problems are reported together when a command starts, and no secret
is ever printed.

- A variable that is set to nothing counts as not set. Of several names the first one set counts.
- Durations are written `90s`, `30m`, `12h`, `30d`, `1h30m`, or as seconds.
- Yes and no are `1`, `true`, `yes`, `on` and `0`, `false`, `no`, `off`.
- Where a name is marked with †, the same name with `_FILE` at the end names a file that holds the
  value.
"""


def markdown() -> str:
    """Write the whole page."""
    lines = [_HEAD]
    for field, option in OPTIONS.items():
        if option.section:
            lines += [
                f"\n## {option.section}\n",
                "| variable | meaning | default |",
                "| --- | --- | --- |",
            ]
        lines.append(
            f"| {_names(option)} | {_cell(option.about)} | {_cell(_default(field, option))} |"
        )
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def _names(option: Option) -> str:
    first, *aliases = (f"`{name}`{' †' if option.secret else ''}" for name in option.names)
    return first + (f" (also {', '.join(aliases)})" if aliases else "")


def _default(field: str, option: Option) -> str:
    if option.default:
        return option.default
    value = next(info.default for info in msgspec.structs.fields(Settings) if info.name == field)
    return _shown(value, duration=option.read.__name__.endswith("seconds"))


def _shown(value: Any, *, duration: bool) -> str:
    if value is None or value == () or value == Path():
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if duration and value:
        return f"`{_duration(value)}`"
    return f"`{value}`"


def _duration(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
