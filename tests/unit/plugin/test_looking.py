"""What tells a used lab from a new one, and a stranger from a service. Pure values."""

from __future__ import annotations

import os

from scenarios.plugin import portrait, traces
from scenarios.plugin.portrait import NodeText
from scenarios.plugin.traces import Inmate, Traces
from simulator.view import LabView, NodeView, ServiceView
from topologies import catalogue

BASE = " cookie=0xce11000100000000, send_flow_rem priority=200,arp,in_port=wan1 actions=output:9"
LOCAL = " cookie=0xce11000200000002, table=10, priority=258,ip,nw_dst=10.0.1.21 actions=dec_ttl"
REMOTE = " cookie=0xce11000300000001, table=10, priority=192,ip,nw_dst=10.0.2.0/24 actions=group:1"


def node(**changes: str) -> NodeText:
    given = {
        "kernel": "wan1@if4 UP 02:ce:31:00:00:01 <UP>\nip-lan UNKNOWN 10.0.1.1/24 10.0.1.11/32",
        "flows": BASE,
    }
    return NodeText(**{**given, **changes})


def test_what_a_new_making_changes_is_no_difference() -> None:
    again = "ip-lan UP 10.0.1.11/32 10.0.1.1/24\nwan1@if9    UP   02:ce:31:00:00:01 <PROMISC,UP>"
    assert portrait.of_node(node(), node(kernel=again, flows=f"{BASE}\n{LOCAL}")) == []


def test_every_kind_of_difference_is_told() -> None:
    used = node(
        kernel="wan1@if4 DOWN 02:ce:31:00:00:01 <UP>\ntable netdev mine",
        flows=f"{REMOTE}\n cookie=0x0, actions=drop",
        groups="OFPST_GROUP_DESC reply\n group_id=1,type=ff,bucket=...",
        sessions="0 0 172.16.0.1:179 172.16.0.2:40112",
    )
    told = "\n".join(portrait.of_node(node(), used))
    for part in (
        "came: 02:ce:31:00:00:01 DOWN wan1",
        "is missing: 02:ce:31:00:00:01 UP wan1",
        "came: mine netdev table",
        "flow cookie=0xce11000300000001",
        "flow without an owner cookie=0x0,",
        f"base flow is missing: {BASE.strip()}",
        "group group_id=1",
        "BGP connection 0 0 172.16.0.1:179",
    ):
        assert part in told, (part, told)


def test_bfd_that_is_on_and_not_up_is_waited_for() -> None:
    text = "wan1\nforwarding=true state=up\n\nwan2\nforwarding=false remote_state=up state=down\n\nlan1\n\n"
    assert portrait.bfd_down(text) == ["wan2"]


def test_a_program_that_cannot_be_run_is_a_difference() -> None:
    assert portrait.of_node(node(), node(kernel="sh: nft: not found")) != []


def _view() -> LabView:
    return LabView(
        name="lab",
        pid=1,
        run_directory="/",
        topology=catalogue.build("two-cells"),
        nodes=(NodeView("mgmt", 1, ()), NodeView("main-h1", 7, ())),
        links=(),
        faults=(),
        services=(ServiceView("speaker@main-gw1", "main-gw1", "ready", 18, 0, ""),),
        processes=(),
    )


def test_services_with_their_children_and_holders_of_nodes_are_no_strangers() -> None:
    def inmate(pid: int, session: int) -> Inmate:
        return Inmate(pid, session, f"p{pid}", frozenset())

    inmates = [inmate(1, 1), inmate(7, 7), inmate(18, 18), inmate(28, 18), inmate(77, 77), inmate(78, 7)]
    assert traces.strangers(_view(), inmates) == {"77 p77", "78 p78"}


def test_what_was_there_before_is_no_leak_and_only_what_is_asked_counts() -> None:
    before = Traces(processes=frozenset({"7 a"}), mounts=frozenset({"/proc"}))
    now = Traces(frozenset({"7 a", "8 b"}), frozenset({"net:[9]"}), frozenset(), frozenset({"/tmp/x"}))
    everything = ("processes", "namespaces", "mounts", "files")
    assert traces.left_behind(before, now, everything) == [
        "process in the sandbox: 8 b",
        "namespace in the sandbox: net:[9]",
        "file in the sandbox: /tmp/x",
    ]
    assert traces.left_behind(before, now, ("files",)) == ["file in the sandbox: /tmp/x"]


def test_descriptors_show_what_is_open() -> None:
    before = traces.descriptors()
    assert traces.descriptors() == before
    read, write = os.pipe()
    assert len(traces.descriptors() - before) == 2
    os.close(read)
    os.close(write)
    assert traces.descriptors() == before
