"""Counters and histograms, named and labelled without anything personal: routes, not paths;
outcomes, not names.
"""

import os
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector

REQUESTS: Final = Counter(
    "portal_http_requests", "Requests answered", ("method", "route", "status")
)
REQUEST_SECONDS: Final = Histogram(
    "portal_http_request_seconds", "Time to answer a request", ("route",)
)
ORY_SECONDS: Final = Histogram(
    "portal_ory_call_seconds", "Time of a call to Ory's admin API", ("endpoint", "outcome")
)
SIGN_INS: Final = Counter("portal_sign_ins", "Passwords tried, by outcome", ("outcome",))
SIGN_IN_ALARMS: Final = Counter(
    "portal_sign_in_alarms", "Minutes in which most of at least a hundred sign-ins failed"
)
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request; *route* is the pattern, not the path."""
    REQUESTS.labels(method if method in METHODS else "other", route, str(status)).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)


def count_ory_call(endpoint: str, outcome: str, seconds: float) -> None:
    """Count one call to Ory."""
    ORY_SECONDS.labels(endpoint, outcome).observe(seconds)


def exposition() -> bytes:
    """All metrics as Prometheus text; of all workers together, where there are several."""
    return generate_latest(_registry())


def listen(host: str, port: int) -> None:
    """Serve the metrics on an address of their own, from a thread, until the process ends.

    Raises :class:`OSError` if the address cannot be had.
    """
    start_http_server(port, addr=host, registry=_registry())


def _registry() -> CollectorRegistry:
    """``portal serve`` sets the directory for the library when there are several workers."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types
    return registry
