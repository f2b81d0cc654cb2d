"""/v1/connections/{connection}/actions: what is done once. Maintenance adds its words here."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, model_validator

from cellnet_core.manager.actions import ActionRequest
from cellnet_core.northbound import errors, operations
from cellnet_core.northbound.access.rights import require
from cellnet_core.northbound.bodies import ResourceRoute
from cellnet_core.northbound.fields import Flag, Input, Reference
from cellnet_core.northbound.operations import OperationAnswer
from cellnet_core.northbound.versions import only_since
from cellnet_core.northbound.writing import Write

router = APIRouter(
    prefix="/v1/connections",
    tags=["connections"],
    route_class=ResourceRoute,
    dependencies=[only_since((1, 2))],
)


class ReconcileInput(Input):
    """Nothing more to say."""


class RefreshInput(Input):
    """`path`: only its session."""

    path: Reference | None = None


class ResetInput(Input):
    """`path`: only its session; `force`: also when nothing would pass between the cells meanwhile."""

    path: Reference | None = None
    force: Flag = False


class ActionBody(Input):
    """Exactly one of these.

    `reconcile`: agents look at everything and put it right now. `refresh`: peers send their routes again.
    `reset`: sessions end and come up again.
    """

    reconcile: ReconcileInput | None = None
    refresh: RefreshInput | None = None
    reset: Annotated[ResetInput | None, Field()] = None

    @model_validator(mode="after")
    def _one(self) -> ActionBody:
        said = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(said) != 1:
            raise ValueError(f"write exactly one of {', '.join(type(self).model_fields)}")
        return self

    def request(self) -> ActionRequest:
        """As the manager takes it."""
        if self.refresh is not None:
            return ActionRequest("refresh", self.refresh.path)
        if self.reset is not None:
            return ActionRequest("reset", self.reset.path, self.reset.force)
        return ActionRequest("reconcile")


@router.post(
    "/{connection}/actions",
    status_code=202,
    responses=errors.answers(404, 409),
)
def act(write: Write, connection: str, body: ActionBody) -> OperationAnswer:
    """Have agents do something once; the operation says what became of it."""
    wanted = body.request()
    require(write.request, f"connections:{wanted.action}", {"connection": connection})
    operation = write.manager.actions.start(connection, wanted, write.request_id)
    return operations.started(write.request, write.response, operation)
