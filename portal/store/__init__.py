"""What the portal remembers: one small class per table, used within units of work.

Only this package speaks SQL.
"""

from portal.store.attempts import FailurePolicy
from portal.store.audit import AuditPage, AuditSearch
from portal.store.engine import Rows, Store
from portal.store.errors import (
    AlreadyExistsError,
    DatabaseUrlError,
    StoreError,
    StoreUnavailableError,
    UnstorableValueError,
)
from portal.store.grant_index import GrantPage, GrantRow, GrantSearch, Selection, Tally

__all__ = [
    "AlreadyExistsError",
    "AuditPage",
    "AuditSearch",
    "DatabaseUrlError",
    "FailurePolicy",
    "GrantPage",
    "GrantRow",
    "GrantSearch",
    "Rows",
    "Selection",
    "Store",
    "StoreError",
    "StoreUnavailableError",
    "Tally",
    "UnstorableValueError",
]
