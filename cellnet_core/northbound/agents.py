"""/v1/agents: what agents ask and report (`cellnet_core.model.wire`), their list, and their enrolment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from cellnet_core.manager.agents import MAX_WAIT
from cellnet_core.manager.enrolment import DEFAULT_LIFE, LONGEST_LIFE
from cellnet_core.manager.standing import AgentView
from cellnet_core.model.wire import (
    VERSION_HEADER,
    IntentDocument,
    Inventory,
    ProcessReport,
    ReportDocument,
    parse_header,
)
from cellnet_core.northbound import errors, paging
from cellnet_core.northbound.bodies import JSON, JsonRoute
from cellnet_core.northbound.fields import Input, Link, ManagerOf, NoQuery, Output, RequestId
from cellnet_core.northbound.versions import Version, since, speaks

router = APIRouter(prefix="/v1/agents", tags=["agents"], route_class=JsonRoute)
Gateway = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,62}$")]


async def _understood(
    manager: ManagerOf,
    cell: str,
    gateway: Gateway,
    head: Annotated[str, Header(alias=VERSION_HEADER, max_length=100)] = "",
) -> None:
    """Before anything of a document is read: whether its agent and this manager understand each other."""
    said = parse_header(head)
    if not manager.agents.speaks(cell, gateway, said):
        await run_in_threadpool(manager.agents.check_version, cell, gateway, said)


Understood = Depends(_understood)


class IntentQuery(Input):
    """`after`: the generation the agent has, -1 for none. `wait`: seconds, at most MAX_WAIT."""

    after: Annotated[int, Field(ge=-1, le=2**53)] = -1
    wait: Annotated[float, Field(ge=0, le=MAX_WAIT, allow_inf_nan=False)] = 0.0


class AgentList(paging.PageInput):
    """By cell and gateway; `marker` is "cell/gateway" of the last agent seen.

    Before version 1.2 all are listed at once.
    """

    cell: paging.FilterText = None
    cell_id: paging.FilterText = None
    gateway: paging.FilterText = None
    since: ClassVar[Mapping[str, Version]] = dict.fromkeys(
        ("limit", "marker", "cell", "cell_id", "gateway"), (1, 2)
    )


class Astray(Output):
    """Where an agent stands that follows what this database never gave out; it keeps that until confirmed."""

    owner: str
    generation: int


class Truth(Output):
    """Whether one part of the gateway (`speaker`, `flows`, `groups`) is as wanted: `AS_WANTED`, `DIFFERS` by
    so many objects, or `UNKNOWN`, with the age of the last observation (null: none since its agent began)."""

    subject: str
    status: str
    differing: int
    age_s: float | None


class Agent(Output):
    """An agent. `operating_status` is UNKNOWN when it is silent: it may well be doing its work."""

    cell: str
    cell_id: str
    gateway: str
    operating_status: str
    last_seen_at: datetime | None
    last_seen_age_s: float | None
    first_seen_at: datetime | None
    generation: int
    observed_generation: int | None
    astray: Astray | None
    wire_version: int | None
    inventory: Inventory | None
    processes: list[ProcessReport]
    truth: tuple[Truth, ...] = ()


class AgentAnswer(Output):
    agent: Agent


class AgentsAnswer(Output):
    agents: list[Agent]
    agents_links: tuple[Link, ...] = ()


class ConfirmInput(Input):
    """Nothing more to say: the agent leaves where it was last seen astray."""


class AgentActionBody(Input):
    """`confirm`: the database was put back or replaced on purpose, and the agent shall follow it."""

    confirm: ConfirmInput


class EnrolmentInput(Input):
    """`life`: seconds that the token can be used."""

    life: Annotated[int, Field(strict=True, ge=1, le=LONGEST_LIFE)] = DEFAULT_LIFE


class EnrolmentBody(Input):
    enrolment: EnrolmentInput = EnrolmentInput()


class EnrolmentToken(Output):
    """Shown once: whoever has the token can enrol as this agent, until it is used or expires."""

    token: str
    expires_at: datetime


class EnrolmentAnswer(Output):
    enrolment: EnrolmentToken


Hex = Annotated[str, Field(strict=True, pattern=r"^[0-9a-f]{64}$")]


class CredentialInput(Input):
    """Of an agent that has a token: which, something new, and the proof (`cellnet_core.model.proof`)."""

    serial: Annotated[int, Field(strict=True, ge=1, le=2**62)]
    expires: Annotated[int, Field(strict=True, ge=1, le=2**40)]
    nonce: Hex
    proof: Hex


class CredentialBody(Input):
    credential: CredentialInput


class Credential(Output):
    """What the agent needs to work out its key, which is never sent; and the manager's own proof."""

    serial: int
    nonce: str
    proof: str


class CredentialAnswer(Output):
    credential: Credential


@router.get("", responses=errors.answers(), response_model_exclude_unset=True)
def list_agents(request: Request, manager: ManagerOf, query: Annotated[AgentList, Query()]) -> AgentsAnswer:
    """Agents that were ever heard of, by cell and gateway."""
    if not speaks((1, 2)):
        return AgentsAnswer(agents=[_present(view) for view in manager.agents.everyone()])
    page = manager.agents.page(query.page_query())
    shown = [_present(view) for view in page.items]
    links = paging.next_page(request, page, f"{shown[-1].cell}/{shown[-1].gateway}") if shown else []
    return AgentsAnswer(agents=shown, agents_links=tuple(links))


@router.get(
    "/{cell}/{gateway}",
    dependencies=[NoQuery],
    responses=errors.answers(404),
    response_model_exclude_unset=True,
)
def show_agent(manager: ManagerOf, cell: str, gateway: Gateway) -> AgentAnswer:
    """One agent; its cell by id, name or Nova cell uuid."""
    return AgentAnswer(agent=_present(manager.agents.get(cell, gateway)))


@router.get(
    "/{cell}/{gateway}/intent",
    response_model=IntentDocument,
    dependencies=[Understood],
    responses={**errors.answers(404, 409), 204: {"description": "nothing newer within `wait`"}},
)
async def next_intent(
    manager: ManagerOf, cell: str, gateway: Gateway, query: Annotated[IntentQuery, Query()]
) -> Response:
    """For agents: the intent as soon as it is newer than `after`; 204 after `wait` seconds if it is not."""
    found = await manager.agents.next_text(cell, gateway, query.after, query.wait)
    return Response(status_code=204) if found is None else Response(found, media_type=JSON)


@router.put(
    "/{cell}/{gateway}/report",
    status_code=204,
    dependencies=[NoQuery, Understood],
    responses=errors.answers(404, 409),
)
async def put_report(manager: ManagerOf, cell: str, gateway: Gateway, report: ReportDocument) -> None:
    """For agents: what the agent sees. Out of order, it is taken and dropped."""
    await manager.intake.take(cell, gateway, report)


@router.post("/{cell}/{gateway}/actions", dependencies=[NoQuery], responses=errors.answers(404, 409))
def act_on_agent(
    manager: ManagerOf, cell: str, gateway: Gateway, _body: AgentActionBody, request_id: RequestId
) -> AgentAnswer:
    """Confirm that an agent, which refuses to leave another history, shall follow this database.

    It then takes down what this database does not know of.
    """
    return AgentAnswer(agent=_present(manager.histories.confirm(cell, gateway, request_id)))


@router.post(
    "/{cell}/{gateway}/enrolment",
    status_code=201,
    dependencies=[NoQuery],
    responses=errors.answers(404),
)
def create_enrolment(
    response: Response, manager: ManagerOf, cell: str, gateway: Gateway, body: EnrolmentBody
) -> EnrolmentAnswer:
    """A one-time token for the agent of that gateway, which need not have been heard of yet."""
    issued = manager.enrolment.issue(cell, gateway, body.enrolment.life)
    response.headers["Cache-Control"] = "no-store"
    return EnrolmentAnswer(enrolment=EnrolmentToken(token=issued.token, expires_at=issued.expires_at))


@router.put("/{cell}/{gateway}/credential", dependencies=[NoQuery], responses=errors.answers(404, 409))
def put_credential(
    request: Request, manager: ManagerOf, cell: str, gateway: Gateway, body: CredentialBody
) -> CredentialAnswer:
    """For agents: exchange a one-time token for a credential. Safe to repeat with the same nonce."""
    said = body.credential
    answer = manager.enrolment.exchange(cell, gateway, (said.serial, said.expires), said.nonce, said.proof)
    request.app.state.forget_keys()
    return CredentialAnswer(
        credential=Credential(serial=answer.serial, nonce=answer.manager_nonce, proof=answer.proof)
    )


@router.delete(
    "/{cell}/{gateway}/credential", status_code=204, dependencies=[NoQuery], responses=errors.answers(404)
)
def delete_credential(request: Request, manager: ManagerOf, cell: str, gateway: Gateway) -> None:
    """Void the credential of an agent and all tokens for it. Its gateway goes on as it is."""
    manager.enrolment.revoke(cell, gateway)
    request.app.state.forget_keys()


def _truth(view: AgentView) -> list[Truth]:
    """What its last report said, as old as it is now; one that is too old tells nothing of the present."""
    fresh = view.operating_status == "ONLINE"
    return [
        Truth(
            subject=part.subject,
            status=part.status.upper() if fresh else "UNKNOWN",
            differing=part.differing,
            age_s=None if part.age_s is None else round(part.age_s + view.age, 3),
        )
        for part in (() if view.received is None else view.received.report.truth)
    ]


def _present(view: AgentView) -> Agent:
    agent, received = view.record, view.received
    report = received.report if received else None
    inventory = Inventory.model_validate(agent.inventory) if agent.inventory is not None else None
    return Agent(
        cell=agent.cell_name,
        cell_id=agent.key.cell_id,
        gateway=agent.key.gateway,
        operating_status=view.operating_status,
        last_seen_at=received.wall if received else None,
        last_seen_age_s=round(view.age, 3) if received else None,
        first_seen_at=agent.first_seen_at,
        generation=agent.generation,
        observed_generation=report.generation if report else None,
        astray=None
        if agent.astray is None
        else Astray(owner=agent.astray.owner, generation=agent.astray.generation),
        wire_version=report.wire_version if report else None,
        inventory=inventory,
        processes=list(report.processes) if report else [],
        **since((1, 2), truth=_truth(view)),
    )
