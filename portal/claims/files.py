"""The operator's two files, read together because one names what the other defines."""

import msgspec

from portal.attributes import AttributeCatalog, load_attributes
from portal.operator_files import OperatorFileError
from portal.scopes import ScopeCatalog, load_catalog
from portal.settings import Settings


class Catalogs(msgspec.Struct, frozen=True):
    """What may be released, and what it is called."""

    scopes: ScopeCatalog
    attributes: AttributeCatalog


def load_catalogs(settings: Settings) -> Catalogs:
    """Read both; every problem of either is in one :class:`OperatorFileError`, named by setting.

    With unusable attributes the catalog is judged as if all its claims were defined: what is wrong
    is told once.
    """
    problems: list[str] = []
    attributes, scopes = AttributeCatalog(), ScopeCatalog()
    try:
        attributes = load_attributes(settings.attributes_file)
        known = frozenset(attributes.attributes)
    except OperatorFileError as exc:
        problems += [f"PORTAL_ATTRIBUTES: {problem}" for problem in exc.problems]
        known = None
    try:
        scopes = load_catalog(settings.scope_catalog, known)
    except OperatorFileError as exc:
        problems += [f"PORTAL_SCOPE_CATALOG: {problem}" for problem in exc.problems]
    if problems:
        raise OperatorFileError(problems)
    return Catalogs(scopes, attributes)
