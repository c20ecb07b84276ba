"""A stand-in for Ory Hydra, for development only: it speaks Hydra's documents, defects included.

It lives in memory, listens on loopback and nowhere else, and shares no code with the portal's own
client. ``python -m portal.dev.standin --help`` runs it; trouble is ordered as
:mod:`portal.dev.standin.faults` says. Profile ``2.3`` behaves like Hydra 2.3.0, ``26`` like the
releases called 26 (device flow, ids of consents, sealed logout challenges).

Where it knowingly differs from Hydra:

- ``response_type=code`` is the only one, and discovery says so; no ``request``, ``request_uri``,
  dynamic registration or pairwise subjects (refused as by a Hydra that is not set up for them).
- Clients sign in by basic, post or none; ``private_key_jwt`` is registered, and cannot sign in.
- RSA keys have 2048 bits (Hydra: 4096), so signatures are shorter; challenges are not.
- Texts of JSON errors name the fault in other words than Go; ``error`` and status are the same.
- Cookies are those of ``--dev``, also behind https; their names end in another number (CRC-32).
- Polling a device code too fast is not punished; order ``slow_down`` as a fault.
- ``sector_identifier_uri`` is refused, because nothing here calls out but back-channel logout, and
  that only to loopback and https.
- ``/`` is a page instead of 404, and every page says that this is for development.
- Pages of other sites get no answer from the admin side (Origin, Sec-Fetch-Site), and other hosts'
  names get none at all.
- A restart forgets everything, challenges and keys included.
"""

from portal.dev.standin.app import StandIn, create_standin
from portal.dev.standin.config import ConfigError, StandInConfig

__all__ = ["ConfigError", "StandIn", "StandInConfig", "create_standin"]
