"""/metrics: what the manager knows, for Prometheus. Read at each scrape from the store and the last reports.

What is not known now is left out, not shown as 0: an agent that fell silent loses its series but
`cellnet_agent_report_age_seconds`, which says why. Names end in their unit; counters are those of the agents
and start again with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from cellnet_core.manager.findings import Side
from cellnet_core.manager.service import Manager
from cellnet_core.manager.standing import ConnectionView
from cellnet_core.model.wire import ConnectionReport, PathReport
from cellnet_core.northbound import errors
from cellnet_core.northbound.fields import ManagerOf, NoQuery
from cellnet_core.store.listing import PageQuery

STATUSES = ("ONLINE", "DEGRADED", "OFFLINE", "UNKNOWN")
PROVISIONING = ("PENDING_CREATE", "PENDING_UPDATE", "PENDING_DELETE", "ACTIVE", "ERROR")
PAGE = 500
SIDE = ("connection", "cell", "gateway")

router = APIRouter(tags=["metrics"])


@router.get(
    "/metrics",
    dependencies=[NoQuery],
    response_class=Response,
    responses={
        **errors.answers(),
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
    },
)
def read_metrics(request: Request, manager: ManagerOf) -> Response:
    """Prometheus' text format, or OpenMetrics for who asks for that."""
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    registry = CollectorRegistry()
    registry.register(_Snapshot(manager))
    return Response(encode(registry), headers={"Content-Type": content_type})


class _Snapshot(Collector):
    """The metrics of this moment."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def describe(self) -> Iterable[Metric]:
        """Nothing: names are checked by the tests, not by a second collection at each scrape."""
        return ()

    def collect(self) -> Iterator[Metric]:
        yield from _agents(self._manager)
        yield from _connections(self._manager)
        yield from _surviving(self._manager)
        yield from _drift(self._manager)


def _agents(manager: Manager) -> Iterator[Metric]:
    known = manager.agents.everyone()
    yield GaugeMetricFamily("cellnet_agents_known", "Agents that were ever heard of", len(known))
    online = sum(view.operating_status == "ONLINE" for view in known)
    yield GaugeMetricFamily("cellnet_agents_online", "Agents whose last report is fresh", online)
    labels = ("cell", "gateway")
    age = GaugeMetricFamily(
        "cellnet_agent_report_age_seconds", "Since its last report to this manager", labels=labels
    )
    behind = GaugeMetricFamily(
        "cellnet_agent_generations_behind", "Generations of its intent that are not in force", labels=labels
    )
    reconcile = GaugeMetricFamily(
        "cellnet_reconcile_seconds", "The agent's last round of looking, thinking and acting", labels=labels
    )
    for view in known:
        if view.received is not None:
            place = (view.record.cell_name, view.record.key.gateway)
            age.add_metric(place, view.age)
            took = view.received.report.reconcile_s
            if took is not None and view.operating_status == "ONLINE":
                reconcile.add_metric(place, took)
            behind.add_metric(place, max(0, view.record.generation - view.received.report.generation))
    yield age
    yield behind
    yield reconcile


def _drift(manager: Manager) -> Iterator[Metric]:
    """By gateway: what is there and not as wanted, and how often that was found."""
    there = GaugeMetricFamily(
        "cellnet_drift_objects",
        "Objects that somebody else changed and that are there still",
        labels=("cell", "gateway", "state"),
    )
    ever = CounterMetricFamily(
        "cellnet_drift_found",
        "Objects that somebody else changed, since the manager started",
        labels=("cell", "gateway"),
    )
    for (cell, gateway, state), number in sorted(manager.drifts.count().items()):
        if state != "over":
            there.add_metric((cell, gateway, state), number)
    for place, number in sorted(manager.drifts.found().items()):
        ever.add_metric(place, number)
    yield there
    yield ever


def _surviving(manager: Manager) -> Iterator[Metric]:
    """By pair of cells: how many paths can carry traffic now, and of how many nobody can tell."""
    labels = ("from", "to")
    surviving = GaugeMetricFamily(
        "cellnet_surviving_paths", "Paths that can carry traffic now", labels=labels
    )
    unknown = GaugeMetricFamily("cellnet_unknown_paths", "Paths of which nobody can tell now", labels=labels)
    pairs: dict[tuple[str, str], tuple[int, int]] = {}
    for link in manager.topology.whole().links:
        record = link.view.record
        one, other = sorted((record.local.cell_name, record.remote.cell_name))
        before = pairs.get((one, other), (0, 0))
        pairs[one, other] = (before[0] + link.surviving, before[1] + link.unknown)
    for pair, (alive, untold) in sorted(pairs.items()):
        surviving.add_metric(pair, alive)
        unknown.add_metric(pair, untold)
    yield surviving
    yield unknown


def _everything(manager: Manager) -> Iterator[ConnectionView]:
    marker: str | None = None
    while True:
        page = manager.connections.page(PageQuery(PAGE, marker))
        yield from page.items
        if not page.more:
            return
        marker = page.items[-1].record.id


class _Families:
    """The metrics of connections, filled one connection at a time."""

    def __init__(self) -> None:
        session = (*SIDE, "path")
        family = (*SIDE, "family")
        self.session_up = GaugeMetricFamily(
            "cellnet_session_up", "1 if the BGP session is ESTABLISHED", labels=session
        )
        self.flaps = CounterMetricFamily(
            "cellnet_session_flaps", "Times the session was lost since its agent started", labels=session
        )
        self.prefixes = GaugeMetricFamily(
            "cellnet_session_prefixes", "Prefixes received over the session", labels=(*session, "family")
        )
        self.paths_up = GaugeMetricFamily(
            "cellnet_connection_paths_up", "Paths that are up and may carry traffic", labels=SIDE
        )
        self.paths = GaugeMetricFamily("cellnet_connection_paths", "Paths of the connection", labels=SIDE)
        self.healthy = GaugeMetricFamily(
            "cellnet_health_ok", "1 if the other side's health-check address answers", labels=family
        )
        self.rtt = GaugeMetricFamily("cellnet_rtt_seconds", "Last round trip", labels=family)
        self.sent = CounterMetricFamily("cellnet_health_sent", "Health checks sent", labels=family)
        self.lost = CounterMetricFamily("cellnet_health_lost", "Health checks without answer", labels=family)
        self.loss = GaugeMetricFamily(
            "cellnet_loss_ratio", "Lost part of all health checks since its agent started", labels=family
        )
        self.pending = GaugeMetricFamily(
            "cellnet_connection_pending_seconds",
            "Since the change that is not yet made so on both sides; 0: nothing is pending",
            labels=("connection",),
        )

    def add(self, side: Side, name: str, paths: int, about: ConnectionReport) -> None:
        """What one side sees."""
        place = (name, side.endpoint.cell_name, side.endpoint.gateway)
        self.paths.add_metric(place, paths)
        self.paths_up.add_metric(place, sum(_usable(path) for path in about.paths))
        for session in about.sessions:
            labels = (*place, session.path)
            self.session_up.add_metric(labels, session.state == "ESTABLISHED")
            self.flaps.add_metric(labels, session.flaps)
            for family, count in session.prefixes_received.items():
                self.prefixes.add_metric((*labels, family), count)
        for health in about.health:
            labels = (*place, health.family)
            self.healthy.add_metric(labels, health.ok)
            self.sent.add_metric(labels, health.sent)
            self.lost.add_metric(labels, health.lost)
            if health.sent:
                self.loss.add_metric(labels, health.lost / health.sent)
            if health.rtt_ms is not None:
                self.rtt.add_metric(labels, health.rtt_ms / 1000)


def _usable(path: PathReport) -> bool:
    return bool(path.link_up) and path.bfd in ("up", "off") and not path.held_down


def _connections(manager: Manager) -> Iterator[Metric]:
    operating: Counter[str] = Counter(dict.fromkeys(STATUSES, 0))
    provisioning: Counter[str] = Counter(dict.fromkeys(PROVISIONING, 0))
    families = _Families()
    now = manager.context.wall()
    for view in _everything(manager):
        record, status = view.record, view.status
        operating[status.operating_status] += 1
        provisioning[status.provisioning_status] += 1
        settled = status.provisioning_status == "ACTIVE"
        waited = 0.0 if settled else max(0.0, (now - record.updated_at).total_seconds())
        families.pending.add_metric((record.name,), waited)
        for side in view.sides:
            about = side.about(record)
            if side.fresh and about is not None:
                families.add(side, record.name, len(record.paths), about)
    for name, label, counts in (
        ("cellnet_connections", "operating_status", operating),
        ("cellnet_connections_provisioning", "provisioning_status", provisioning),
    ):
        metric = GaugeMetricFamily(name, f"Connections by {label}", labels=(label,))
        for value, count in counts.items():
            metric.add_metric((value,), count)
        yield metric
    yield from vars(families).values()
