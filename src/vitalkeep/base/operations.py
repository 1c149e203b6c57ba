"""Routes for those who run the server: is it alive, can it work, what does it count."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from vitalkeep.base.errors import DependencyUnavailable, problems
from vitalkeep.base.metrics import exposition
from vitalkeep.base.migrate import is_migrated
from vitalkeep.base.pgsettings import explain, list_leaks
from vitalkeep.base.session import is_bound

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Everything the process needs is there."""

    status: Literal["ready"] = "ready"


@router.get("/healthz")
async def get_health() -> Health:
    """Whether the process answers; asks nothing else."""
    return Health()


@router.get("/readyz", responses=problems(DependencyUnavailable))
async def get_readiness(request: Request) -> Readiness:
    """Whether database, its settings, migrations and keyring are as this version needs them.

    Asked over a connection of its own, one at a time: a busy process is not an unready one.
    """
    state = request.app.state
    async with state.one_probe, state.probe_engine.connect() as connection:
        if not await is_migrated(connection):
            raise DependencyUnavailable("The database lacks migrations: run `vitalkeep migrate`.")
        if not await is_bound(connection, state.settings.database_role):
            raise DependencyUnavailable(
                "Row-level security does not bind the role that requests run under: see "
                "VITALKEEP_DATABASE_ROLE in docs/operations.md."
            )
        leaks = [] if state.settings.development else await list_leaks(connection)
        if leaks:
            raise DependencyUnavailable(explain(leaks))
    if not state.keyring.token_keys:
        raise DependencyUnavailable("The keyring has no signing key: run `vitalkeep keys init`.")
    return Readiness()


@router.get("/metrics", response_class=Response)
async def get_metrics() -> Response:
    """Metrics in the Prometheus text format."""
    return Response(exposition(), media_type=CONTENT_TYPE_LATEST)
