"""The application: all routes over one manager."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from cellnet_core.manager.service import Manager
from cellnet_core.northbound import (
    actions,
    agents,
    audit,
    cells,
    connections,
    description,
    discovery,
    drifts,
    endpoints,
    errors,
    event_stream,
    events,
    examples,
    metrics,
    operations,
    profiles,
    topology,
)
from cellnet_core.northbound.access.guard import Access, Guard
from cellnet_core.northbound.envelope import Envelope
from cellnet_core.northbound.versions import MAX_VERSION, text

MODULES = (
    discovery,
    metrics,
    cells,
    endpoints,
    profiles,
    connections,
    actions,
    operations,
    drifts,
    event_stream,  # before the events: its address would else be taken for one of them
    events,
    agents,
    audit,
    topology,
)
"""One for each resource; each address in them has a rule in `access/policies.py`."""


class _Api(FastAPI):
    """Describes itself as it is; made once."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            description.complete(document)
            examples.add(document)
            self.openapi_schema = document
        return self.openapi_schema


def routers() -> tuple[APIRouter, ...]:
    """All addresses, in the order in which they are tried."""
    return tuple(module.router for module in MODULES)


def create_app(manager: Manager, access: Access | None = None) -> ASGIApp:
    """The ASGI application. Its lifespan runs the monitor and, at the end, wakes all who wait.

    Without `access` everybody may do everything.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        watch = asyncio.create_task(manager.monitor.run())
        try:
            yield
        finally:
            manager.context.wakeups.close()
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    app = _Api(
        title="cellnet: network between cells",
        version=text(MAX_VERSION),
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.manager = manager
    app.state.streams = set()
    access = access or Access()
    app.state.forget_keys = access.forget_keys
    app.state.allows = access.enforcement.allows
    routes = [route for router in routers() for route in router.routes]
    errors.install(app, routes)
    # As they are: of a router that is included the framework tries all routes of twice, at each request.
    app.router.routes.extend(routes)
    return Envelope(Guard(app, access, tuple(routes)))
