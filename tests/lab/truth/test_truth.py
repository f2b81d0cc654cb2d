"""Desired against observed on a real lab: what somebody changes by hand is found, shown and dealt with."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.truth.setting import FOUND_WITHIN, GATEWAY, PATIENCE, SPEAKER, Setting, within

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]


def test_provisioning_was_no_drift(setting: Setting) -> None:
    assert setting.client.drifts() == ()


def test_a_deleted_and_an_extra_flow_are_found_and_put_right(setting: Setting) -> None:
    began = time.monotonic()
    setting.by_hand("ovs-ofctl", "-O", "OpenFlow13", "del-flows", "br-phy", "table=10,ip,nw_dst=10.0.2.0/24")
    missing = within(FOUND_WITHIN, setting.drift("10.0.2.0/24"))
    assert (missing.kind, missing.action) == ("flow", "repair")
    assert missing.observed.startswith("missing")
    extra = "table=10,priority=900,ip,nw_dst=192.0.2.0/24,actions=drop"
    setting.by_hand("ovs-ofctl", "-O", "OpenFlow13", "add-flow", "br-phy", extra)
    strange = within(FOUND_WITHIN, setting.drift("cookie 0x0"))
    assert strange.desired == "absent"
    for each in (missing, strange):
        within(PATIENCE, setting.drift(each.object, state="over"))
    flows = setting.flows()
    assert "nw_dst=10.0.2.0/24" in flows
    assert "192.0.2.0/24" not in flows
    assert time.monotonic() - began < 2 * PATIENCE


def test_a_neighbour_removed_from_exabgp_is_found_and_put_right(setting: Setting) -> None:
    without = "sed -i '/^neighbor 172.16.0.6 {/,/^}/d' exabgp.conf"
    setting.by_hand("sh", "-c", f"cd {SPEAKER} && {without} && kill -USR1 $(cat speaker.pid)")
    found = within(FOUND_WITHIN, setting.drift("neighbor main-east-2"))
    assert found.observed == "missing (not configured)"
    within(PATIENCE, setting.drift("neighbor main-east-2", state="over"))
    groups = list(setting.client.drifts(kind="group"))
    assert groups == [], "what follows from it is no drift"


def test_bfd_timers_change_while_the_session_stays_up_and_are_kept(setting: Setting) -> None:
    """At both ends, in what BFD uses and not only in the database; slower and back again, without a flap."""
    gateways = (GATEWAY, "east-gw1")

    def shown(gateway: str) -> str:
        ports = "for port in wan1 wan2; do ovs-appctl bfd/show $port; done"
        return str(setting.machine.exec(gateway, ["sh", "-c", ports]).stdout)

    def flaps(gateway: str) -> list[str]:
        columns = [
            "ovs-vsctl",
            "--columns=bfd_status",
            "--format=json",
            "find",
            "interface",
            "bfd:enable=true",
        ]
        said = str(setting.machine.exec(gateway, columns).stdout)
        return re.findall(r'"flap_count","([0-9]+)"', said)

    def use(ms: int) -> Callable[[], bool | None]:
        lines = [f"Local Minimum {way} Interval: {ms}ms" for way in ("TX", "RX")]
        lines.append(f"Remote Minimum TX Interval: {ms}ms")
        return lambda: all(shown(g).count(line) == 2 for g in gateways for line in lines) or None

    before = [flaps(gateway) for gateway in gateways]
    assert all(len(each) == 2 for each in before), before
    setting.client.create_profile(name="paced", bfd={"min_tx_ms": 400, "min_rx_ms": 400, "multiplier": 3})
    connection = setting.client.connection("ab")
    kept = {name: connection.document[name] for name in ("name", "local_endpoint", "remote_endpoint")}
    setting.client.replace_connection(connection.id, {**kept, "profile": "paced"})
    try:
        within(PATIENCE, use(400))
        assert setting.client.drifts(kind="bfd") == ()
        setting.by_hand("ovs-vsctl", "set", "interface", "wan1", "bfd:min_tx=777")
        found = within(FOUND_WITHIN, setting.drift("bfd wan1"))
        assert found.action == "repair"
        within(PATIENCE, setting.drift("bfd wan1", state="over"))
        within(PATIENCE, use(400))
    finally:
        setting.client.replace_connection(connection.id, {**kept, "profile": "default"})
    within(PATIENCE, use(100))
    assert [flaps(gateway) for gateway in gateways] == before


@pytest.mark.parametrize("policy", ["ignore", "adopt"])
def test_what_is_left_alone_stays_until_the_policy_is_repair(setting: Setting, policy: str) -> None:
    setting.policy(policy)
    try:
        extra = f"table=10,priority=900,ip,nw_dst=192.0.{len(policy)}.0/24,actions=drop"
        setting.by_hand("ovs-ofctl", "-O", "OpenFlow13", "add-flow", "br-phy", extra)
        state = {"ignore": "ignored", "adopt": "adopted"}[policy]
        found = within(FOUND_WITHIN, setting.drift("cookie 0x0", state=state))
        assert found.over_at is None
        assert f"192.0.{len(policy)}.0/24" in setting.flows()
        status = setting.client.connection("ab").operating_status
        assert status == ("DEGRADED" if policy == "ignore" else "ONLINE")
    finally:
        setting.policy("repair")
    within(PATIENCE, lambda: None if "192.0." in setting.flows() else True)


@pytest.mark.parametrize("action", ["reconcile", "refresh", "reset"])
def test_actions_are_carried_out_and_change_nothing_else(setting: Setting, action: str) -> None:
    before = {s.path: s.document["since"] for s in setting.client.sessions("ab") if s.cell == "main"}
    seen = len(setting.client.drifts())
    operation = setting.client.act("ab", action, **({"path": "main-east-1"} if action == "reset" else {}))
    setting.client.wait_for_operation(operation.id, PATIENCE)
    setting.client.wait_for_status("ab", timeout=PATIENCE)
    within(PATIENCE, lambda: setting.client.connection("ab").explain() == "" or None)
    assert setting.flows().count("10.0.2.0/24") == 1
    assert len(setting.client.drifts()) == seen
    assert before.keys() == {s.path for s in setting.client.sessions("ab") if s.cell == "main"}


def test_a_restarted_agent_is_unknown_at_most_and_never_offline(setting: Setting) -> None:
    newest = setting.client.last_events(1)[0].id
    for _ in range(2):
        setting.machine.restart_service(f"agent@{GATEWAY}")
        setting.client.wait_for_status("ab", timeout=PATIENCE)
    changes = setting.client.events(after=newest, type="connection.operating_status")
    assert [e.message for e in changes if "-> OFFLINE" in e.message] == []


def test_a_password_signs_the_sessions(setting: Setting) -> None:
    made: dict[str, Any] = {"hold_time": 9, "password": "two-cells.secret"}
    setting.client.create_profile("signed", **made)
    kept = ("name", "local_endpoint", "remote_endpoint", "families")

    def give(profile: str) -> None:
        now = setting.client.connection("ab")
        fields = {name: now.document[name] for name in kept} | {"profile": profile}
        setting.client.replace_connection(now.id, fields, now.revision_number)
        setting.client.wait_until(
            now.id,
            lambda c: c.provisioning_status == "ACTIVE" and c.operating_status == "ONLINE",
            "ACTIVE and ONLINE",
            60,
        )

    give("signed")
    assert "md5-password" in setting.by_hand("cat", f"{SPEAKER}/exabgp.conf")
    assert {s.bgp_state for s in setting.client.sessions("ab")} == {"ESTABLISHED"}
    give("default")
    setting.client.delete_profile("signed")
    for log in setting.machine.run_directory.rglob("*"):
        if log.is_file() and log.suffix in (".jsonl", ".log"):
            assert "two-cells.secret" not in log.read_text(errors="replace"), log
