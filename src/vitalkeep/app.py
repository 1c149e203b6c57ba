"""The application: every room's routes under one roof."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from vitalkeep import __version__
from vitalkeep.audit import provision_routes
from vitalkeep.audit import routes as audit_routes
from vitalkeep.base import operations
from vitalkeep.base.admission import Admission
from vitalkeep.base.db import create_engine, create_probe_engine
from vitalkeep.base.keys import Keyring
from vitalkeep.base.settings import Settings
from vitalkeep.base.wire import (
    BodyLimitMiddleware,
    RequestMiddleware,
    add_problem_handlers,
)
from vitalkeep.care import (
    reading_routes,
    routes_assignment,
    routes_invitations,
    routes_organization,
    routes_teams,
)
from vitalkeep.care import routes as care_routes
from vitalkeep.connectors import notifications_routes
from vitalkeep.connectors import routes as connector_routes
from vitalkeep.connectors.keyset import NotificationKeys
from vitalkeep.consents import routes as consent_routes
from vitalkeep.disclosure import routes as disclosure_routes
from vitalkeep.erasure import routes as erasure_routes
from vitalkeep.explorer import mount_explorer
from vitalkeep.fhir import routes as fhir_routes
from vitalkeep.fhir.outcomes import BASE_PATH, outcome_response
from vitalkeep.fhir.published import fhir_schemas
from vitalkeep.notices import routes as notice_routes
from vitalkeep.openapi import install_openapi, operation_id
from vitalkeep.persons import routes as person_routes
from vitalkeep.persons.google import GoogleCertificates
from vitalkeep.persons.oauth import TokenEndpoint
from vitalkeep.records import changes, deletion, withdrawal
from vitalkeep.records import routes as record_routes
from vitalkeep.records.published import published_schemas
from vitalkeep.records.published_dialects import KEEP_NULL, dialect_schemas
from vitalkeep.summaries import routes as summary_routes
from vitalkeep.summaries.published import day_schemas
from vitalkeep.web import entry_routes, leaving_routes, link_routes
from vitalkeep.web.pages import BASE_PATH as WEB_PATH
from vitalkeep.web.pages import problem_page

DESCRIPTION = """\
Health records of persons who agreed, type by type, to what is collected and who may read it.

Every read by somebody else is written down and shown to the person, and leaving deletes everything.
"""

ROUTERS = (
    person_routes.router,
    consent_routes.router,
    withdrawal.router,
    deletion.router,
    record_routes.router,
    changes.router,
    summary_routes.router,
    connector_routes.router,
    notifications_routes.router,
    disclosure_routes.router,
    routes_invitations.router,  # before the cases, whose ids they are not
    care_routes.router,
    routes_assignment.router,
    routes_organization.router,
    routes_teams.router,
    notice_routes.router,
    reading_routes.router,
    fhir_routes.router,
    audit_routes.router,
    provision_routes.router,
    erasure_routes.router,
    link_routes.router,
    entry_routes.router,
    leaving_routes.router,
    operations.router,
)


Work: TypeAlias = Callable[[AsyncEngine, Settings], Awaitable[None]]


def create_app(
    settings: Settings,
    keyring: Keyring,
    *,
    alongside: Work | None = None,
    on_stop: Callable[[], None] | None = None,
) -> FastAPI:
    """The ASGI application on `settings.database_url`.

    `alongside` runs while it serves and is cancelled with it; `on_stop` runs when it has shut down.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # What start-up made lives as long as the process: the collector need not look at it, nor
        # come by for every 700 of the many small objects that a push makes and drops.
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        async with running(alongside, app):
            yield
        await app.state.engine.dispose()
        if on_stop is not None:
            on_stop()

    app = FastAPI(
        title="vitalkeep",
        version=__version__,
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        generate_unique_id_function=operation_id,
    )
    app.state.settings = settings
    app.state.keyring = keyring
    app.state.engine = create_engine(settings)
    app.state.admission = Admission(settings.max_requests)
    app.state.probe_engine = create_probe_engine(settings)
    app.state.one_probe = asyncio.Lock()
    app.state.token_endpoint = TokenEndpoint(
        keyring, settings, GoogleCertificates(settings.google_certs_url)
    )
    app.state.notification_keys = NotificationKeys(settings.google_health_keyset_url)
    app.add_middleware(BodyLimitMiddleware)
    app.add_middleware(RequestMiddleware)
    add_problem_handlers(app, {BASE_PATH: outcome_response, WEB_PATH: problem_page})
    for router in ROUTERS:
        app.include_router(router)
    components = published_schemas() | dialect_schemas() | day_schemas() | fhir_schemas()
    install_openapi(app, components=components, keep_null=KEEP_NULL)
    mount_explorer(app)
    return app


@asynccontextmanager
async def running(work: Work | None, app: FastAPI) -> AsyncIterator[None]:
    """Has `work` run on the application's database for as long as it is open."""
    if work is None:
        yield
        return
    task = asyncio.ensure_future(work(app.state.engine, app.state.settings))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
