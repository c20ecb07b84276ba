"""Which statements about a person there are, and which of them an app receives (OpenID Connect
Core, 5.1 and 5.4).
"""

from portal.claims.files import Catalogs, load_catalogs
from portal.claims.release import (
    CONFORMANCE_CLAIMS,
    Datum,
    claims_for,
    in_one_line,
    released_by,
    shown_data,
)
from portal.claims.standard import FIELDS, ClaimValueError, ProfileField, parse_profile

__all__ = [
    "CONFORMANCE_CLAIMS",
    "FIELDS",
    "Catalogs",
    "ClaimValueError",
    "Datum",
    "ProfileField",
    "claims_for",
    "in_one_line",
    "load_catalogs",
    "parse_profile",
    "released_by",
    "shown_data",
]
