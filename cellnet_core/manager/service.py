"""The manager as one value: its services, over one context."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from cellnet_core.manager.actions import Actions
from cellnet_core.manager.agents import Agents
from cellnet_core.manager.audit import Audit
from cellnet_core.manager.cells import Cells
from cellnet_core.manager.connections import Connections
from cellnet_core.manager.context import Context
from cellnet_core.manager.drifts import Drifts
from cellnet_core.manager.endpoints import Endpoints
from cellnet_core.manager.enrolment import Enrolment
from cellnet_core.manager.events import Events
from cellnet_core.manager.histories import Histories
from cellnet_core.manager.intake import Intake
from cellnet_core.manager.monitor import Monitor
from cellnet_core.manager.operations import Operations
from cellnet_core.manager.profiles import Profiles
from cellnet_core.manager.pruning import Limits
from cellnet_core.manager.topology import Topology


@dataclass(frozen=True, slots=True)
class Manager:
    """What the northbound interface talks to."""

    context: Context
    cells: Cells
    endpoints: Endpoints
    profiles: Profiles
    connections: Connections
    actions: Actions
    operations: Operations
    drifts: Drifts
    agents: Agents
    histories: Histories
    events: Events
    monitor: Monitor
    intake: Intake
    topology: Topology
    audit: Audit
    enrolment: Enrolment


def assemble(context: Context, master: bytes | None = None, limits: Limits | None = None) -> Manager:
    """All services over this context. Without `master`, agents' credentials end with this process; `limits`:
    how much of what happened is kept."""
    limits = limits or Limits()
    drifts = Drifts(context, limits)
    agents = Agents(context, drifts)
    monitor = Monitor(context, limits)
    return Manager(
        context=context,
        cells=Cells(context),
        endpoints=Endpoints(context),
        profiles=Profiles(context),
        connections=Connections(context),
        actions=Actions(context),
        operations=Operations(context),
        drifts=drifts,
        agents=agents,
        histories=Histories(context),
        events=Events(context),
        monitor=monitor,
        intake=Intake(context, agents, monitor),
        topology=Topology(context, Cells(context)),
        audit=Audit(context.database),
        enrolment=Enrolment(context, master or secrets.token_bytes(32)),
    )
