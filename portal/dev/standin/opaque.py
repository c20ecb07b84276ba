"""Codes and tokens that mean something only here."""

import base64
from collections.abc import Callable

Random = Callable[[int], bytes]


def new_token(kind: str, random: Random) -> str:
    """In the shape of Hydra's: a prefix that tells the kind, and two parts of 32 bytes."""
    parts = (base64.urlsafe_b64encode(random(32)).decode().rstrip("=") for _ in range(2))
    return f"ory_{kind}_{'.'.join(parts)}"
