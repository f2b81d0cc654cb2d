"""/metrics, read by Prometheus' own parser."""

from __future__ import annotations

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from cellnet_core.model.wire import DriftReport
from tests.unit.manager.world import MAIN as MAIN_OFFERS
from tests.unit.manager.world import World, obey

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def _scrape(api: TestClient) -> Samples:
    answer = api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    found: Samples = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation
        assert family.type in ("gauge", "counter")
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"{key} twice"
            found[key] = sample.value
    return found


def _value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


MAIN = {"connection": "main-east", "cell": "main", "gateway": "main-gw1"}


def test_an_empty_manager_counts_nothing(api: TestClient) -> None:
    samples = _scrape(api)
    assert _value(samples, "cellnet_agents_known") == 0
    assert _value(samples, "cellnet_connections", operating_status="ONLINE") == 0


def test_a_connection_that_is_online(world: World, api: TestClient) -> None:
    world.online()
    world.clock.advance(1)
    samples = _scrape(api)
    assert _value(samples, "cellnet_agents_known") == _value(samples, "cellnet_agents_online") == 2
    assert _value(samples, "cellnet_agent_report_age_seconds", cell="main", gateway="main-gw1") == 1
    assert _value(samples, "cellnet_agent_generations_behind", cell="main", gateway="main-gw1") == 0
    assert _value(samples, "cellnet_connections", operating_status="ONLINE") == 1
    assert _value(samples, "cellnet_connections_provisioning", provisioning_status="ACTIVE") == 1
    assert _value(samples, "cellnet_session_up", **MAIN, path="main-east-2") == 1
    assert _value(samples, "cellnet_session_flaps_total", **MAIN, path="main-east-1") == 0
    assert _value(samples, "cellnet_session_prefixes", **MAIN, path="main-east-1", family="ipv6") == 1
    assert _value(samples, "cellnet_connection_paths_up", **MAIN) == 2
    assert _value(samples, "cellnet_rtt_seconds", **MAIN, family="ipv4") == 0.0004
    assert _value(samples, "cellnet_loss_ratio", **MAIN, family="ipv4") == 0
    assert _value(samples, "cellnet_connection_pending_seconds", connection="main-east") == 0


def test_what_is_not_known_is_left_out(world: World, api: TestClient) -> None:
    world.online()
    world.clock.advance(60)
    world.obey("east")
    samples = _scrape(api)
    assert _value(samples, "cellnet_agents_online") == 1
    assert _value(samples, "cellnet_session_up", **MAIN, path="main-east-1") is None
    assert _value(samples, "cellnet_connections", operating_status="UNKNOWN") == 1
    assert _value(samples, "cellnet_agent_report_age_seconds", cell="main", gateway="main-gw1") == 60


def test_a_change_that_waits_has_an_age(world: World, api: TestClient) -> None:
    world.online()
    api.delete("/v1/connections/main-east")
    world.clock.advance(5)
    assert _value(_scrape(api), "cellnet_connection_pending_seconds", connection="main-east") == 5


def test_open_metrics_for_who_asks(world: World, api: TestClient) -> None:
    world.online()
    answer = api.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    names = {family.name for family in openmetrics.text_string_to_metric_families(answer.text)}
    assert "cellnet_session_flaps" in names


def test_drift_surviving_paths_and_the_time_of_rounds(world: World, api: TestClient) -> None:
    world.online()
    samples = _scrape(api)
    assert _value(samples, "cellnet_surviving_paths", **{"from": "east", "to": "main"}) == 2
    assert _value(samples, "cellnet_unknown_paths", **{"from": "east", "to": "main"}) == 0
    world.sequence += 1
    drift = DriftReport(
        id="1",
        driver="d",
        kind="flow",
        object="flow x",
        desired="absent",
        observed="present",
        action="ignore",
        found_s=1.0,
    )
    seen = obey(world.intent("main"), MAIN_OFFERS, world.sequence, "life-1")
    world.report("main", seen.model_copy(update={"drifts": (drift,), "reconcile_s": 0.02}))
    samples = _scrape(api)
    place = {"cell": "main", "gateway": "main-gw1"}
    assert _value(samples, "cellnet_drift_objects", **place, state="ignored") == 1
    assert _value(samples, "cellnet_drift_found_total", **place) == 1
    assert _value(samples, "cellnet_reconcile_seconds", **place) == 0.02
    world.clock.advance(60)
    samples = _scrape(api)
    assert _value(samples, "cellnet_surviving_paths", **{"from": "east", "to": "main"}) == 0
    assert _value(samples, "cellnet_unknown_paths", **{"from": "east", "to": "main"}) == 2
    assert _value(samples, "cellnet_reconcile_seconds", **place) is None
