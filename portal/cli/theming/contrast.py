"""Colours that cannot be told apart, and which would do."""

from collections.abc import Iterator, Mapping
from typing import Final

from portal.cli.theming.finding import Finding
from portal.colours import BUILT_IN, PAIRS, SCHEMES, Palette, Scheme, completed, contrast, nearest

VARIABLES: Final[Mapping[Scheme, str]] = {
    "light": "PORTAL_COLOURS",
    "dark": "PORTAL_COLOURS_DARK",
}


def weak_pairs(given: Mapping[Scheme, Palette]) -> Iterator[Finding]:
    """Every pair of colours that meet and are too close to each other, with what to change."""
    schemes = completed(given)
    for scheme in SCHEMES:
        palette = BUILT_IN[scheme] | schemes[scheme]
        derived = schemes[scheme].keys() - given.get(scheme, {}).keys()
        for pair in PAIRS:
            front, back = palette[pair.front], palette[pair.back]
            ratio = contrast(front, back)
            if ratio < pair.needed:
                rounded = int(ratio * 10) / 10  # down: 4.49 is not 4.5
                change = _to_change((pair.front, pair.back), schemes[scheme], derived)
                yield Finding(
                    kind="contrast",
                    pages=(f"{scheme} pages",),
                    where=VARIABLES[scheme],
                    problem=f"{pair.front} {front} on {pair.back} {back} has {rounded}:1; "
                    f"needs {pair.needed:g}:1",
                    advice=_advice(change, palette, derived),
                )


def _to_change(pair: tuple[str, str], changed: Palette, derived: set[str]) -> str:
    """Of two colours the one that the operator chose, the front before the back."""
    for name in pair:
        if name in changed:
            return "accent" if name in derived else name
    return pair[0]


def _advice(name: str, palette: Palette, derived: set[str]) -> str:
    """The nearest shade of *name* that is right beside all that it meets; what follows from it
    follows along.
    """
    beside: dict[str, float] = {}
    for pair in PAIRS:
        for one, other in ((pair.front, pair.back), (pair.back, pair.front)):
            if one == name and other not in derived:
                value = palette[other]
                beside[value] = max(pair.needed, beside.get(value, 0))
    found = nearest(palette[name], beside)
    if found is None:
        return f"No shade of {name} fits: change what is behind it"
    return f"{name}={found} would do"
