"""``/health/alive``, ``/health/ready`` and ``/metrics/prometheus``, named as Ory names them."""

import hmac
from typing import Any, Final

from litestar import Response, get
from litestar.exceptions import NotFoundException, PermissionDeniedException

from portal import metrics
from portal.services import Services
from portal.store import StoreError
from portal.web.inputs import AnyRequest
from portal.web.wiring import Injected

ORY_PROBLEMS: Final = {
    "unavailable": "the admin API does not answer",
    "key refused": "the admin API refused the API key: check ORY_API_KEY",
}


@get("/health/alive", sync_to_thread=False)
def alive() -> dict[str, str]:
    """The process answers; nothing else is looked at."""
    return {"status": "ok"}


@get("/health/ready")
async def ready(services: Injected) -> Response[Any]:
    """The database is there and at head. Ory's state is told, and counts only where a setting says
    so.
    """
    errors = {}
    if problem := await _database_problem(services):
        errors["database"] = problem
    ory = await _state_of_ory(services)
    if ory != "ok" and services.settings.ready_requires_ory:
        errors["ory"] = ORY_PROBLEMS[ory]
    body: dict[str, Any] = {"status": "ok", "ory": ory}
    if errors:
        body |= {"status": "error", "errors": errors}
    return Response(body, status_code=503 if errors else 200)


@get("/metrics/prometheus", sync_to_thread=False)
def prometheus(request: AnyRequest, services: Injected) -> Response[Any]:
    """Metrics for whoever has the token; without a token they are only on their own listener."""
    token = services.settings.metrics_token
    if token is None:
        raise NotFoundException
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), token.reveal().encode()):
        raise PermissionDeniedException
    return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)


async def _state_of_ory(services: Services) -> str:
    """Ask without the key, which a monitor should not spend; of that the last call tells."""
    if not await services.ory.ready():
        return "unavailable"
    return "key refused" if services.ory.key_refused else "ok"


async def _database_problem(services: Services) -> str | None:
    try:
        at_head = await services.store.at_head()
    except StoreError:
        return "the database does not answer"
    return None if at_head else "the database is not migrated: run `portal db upgrade`"
