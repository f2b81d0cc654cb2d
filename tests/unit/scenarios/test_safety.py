"""Safety: planted faults in tables are found, each as what it is; sound tables raise no alarm."""

from __future__ import annotations

import pytest

from scenarios.safety import judging, tables
from scenarios.safety.values import LOOPLESS, OWNED, RIGHT_CELL, Survey
from topologies import catalogue

TOPOLOGY = catalogue.build("two-cells", {"paths": 2, "hosts": 2})
MAIN, EAST = (cell.hosts for cell in TOPOLOGY.cells)
BASE = """\
 cookie=0xce11000100000000, send_flow_rem priority=200,arp,in_port=wan1 actions=output:"ip-wan1"
 cookie=0xce11000100000000, send_flow_rem priority=100,ip,in_port=wan1,dl_dst=02:00:00:01:00:11 actions=goto_table:10
 cookie=0xce11000200000001, table=10, send_flow_rem priority=193,ip,nw_dst=10.0.{cell}.0/24 actions=set_field:02:00:00:01:00:01->eth_dst,output:"ip-lan"
 cookie=0xce11000300000001, table=10, send_flow_rem priority=192,ip,nw_dst=10.0.{other}.0/24 actions=dec_ttl,group:1
 cookie=0xce11000300000001, table=10, send_flow_rem priority=512,ipv6,ipv6_dst=fdce:11:0:{other}::/64 actions=dec_ttl,group:1
"""  # noqa: E501 - as Open vSwitch prints it
GROUPS = """\
OFPST_GROUP_DESC reply (OF1.3) (xid=0x2):
 group_id=1,type=ff,bucket=watch_port:wan1,actions=set_field:02:00:00:02:00:11->eth_dst,output:wan1,bucket=watch_port:wan2,actions=output:wan2,bucket=watch_port:"ip-lan",actions=output:wan1,output:wan2
"""
HOST = (
    " cookie=0xce11000200000002, table=10, send_flow_rem priority=258,ip,nw_dst={address} "
    'actions=dec_ttl,set_field:{mac}->eth_dst,output:"to-int"\n'
)


def dump(cell: int, other: int, hosts) -> str:
    flows = BASE.format(cell=cell, other=other)
    return GROUPS + flows + "".join(HOST.format(address=host.addresses[0].ip, mac=host.mac) for host in hosts)


def sound() -> dict[str, str]:
    return {"main-gw1": dump(1, 2, MAIN), "east-gw1": dump(2, 1, EAST)}


def says(gateways: dict[str, str]) -> set[str]:
    return {one.says for one in judging.judge(TOPOLOGY, Survey(1.0, gateways))}


def planted(gateway: str, line: str) -> dict[str, str]:
    found = sound()
    found[gateway] += f" {line}\n"
    return found


def test_sound_tables_raise_no_alarm():
    assert judging.judge(TOPOLOGY, Survey(1.0, sound())) == ()


def test_a_gateway_that_does_not_answer_is_no_violation():
    assert says({"main-gw1": sound()["main-gw1"]}) == set()


@pytest.mark.parametrize(
    "line",
    [
        "table=10, priority=300,ip,nw_dst=192.0.2.1 actions=drop",  # no cookie at all
        "cookie=0xdeadbeef, table=10, priority=300,ip,nw_dst=192.0.2.1 actions=drop",
        "cookie=0xce11000300000002, table=10, priority=300,ip,nw_dst=192.0.2.0/24 actions=group:1",
        "cookie=0xce11000200000001, table=10, priority=300,ip,nw_dst=192.0.2.0/24 actions=group:1",
        "cookie=0xce11000300000001, table=10, priority=300,ip,nw_dst=192.0.2.0/24 actions=output:wan1",
    ],
)
def test_a_flow_without_an_owner_is_found(line: str):
    assert says(planted("main-gw1", line)) == {OWNED}


def test_a_flow_to_the_wrong_cell_is_found():
    line = f'cookie=0xce11000200000002, table=10, priority=2000,ip,nw_dst={EAST[0].addresses[0].ip} actions=set_field:{MAIN[0].mac}->eth_dst,output:"to-int"'  # noqa: E501
    (violation,) = judging.judge(TOPOLOGY, Survey(1.0, planted("main-gw1", line)))
    assert violation.says == RIGHT_CELL
    assert "of east are delivered in main by main-gw1" in violation.what


def test_a_flow_to_the_wrong_host_of_the_right_cell_is_found():
    line = f'cookie=0xce11000200000002, table=10, priority=2000,ip,nw_dst={EAST[0].addresses[0].ip} actions=set_field:{EAST[1].mac}->eth_dst,output:"to-int"'  # noqa: E501
    (violation,) = judging.judge(TOPOLOGY, Survey(1.0, planted("east-gw1", line)))
    assert violation.what == f"packets to {EAST[0].addresses[0].ip} are delivered to east-h2 by east-gw1"


def test_a_loop_between_two_gateways_is_found_even_in_a_bucket_that_waits():
    line = "cookie=0xce11000300000001, table=10, priority=2000,ip,nw_dst=10.0.2.21 actions=dec_ttl,group:1"
    found = judging.judge(TOPOLOGY, Survey(1.0, planted("east-gw1", line)))
    assert {one.says for one in found} == {LOOPLESS}
    assert "packets to 10.0.2.21 go round: main-gw1 → east-gw1 → main-gw1" in {one.what for one in found}


def test_packets_that_strayed_to_a_host_are_counted_since_the_last_look():
    before = Survey(1.0, sound(), {"main-h1": 3, "east-h1": 0})
    after = Survey(2.0, sound(), {"main-h1": 3, "east-h1": 5})
    (violation,) = judging.judge(TOPOLOGY, after, before)
    assert violation.what == "east-h1 got 5 packets for somebody else"
    assert judging.judge(TOPOLOGY, before) == ()


def test_strays_are_read_from_the_kernels_counters():
    text = (
        "Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams\n"
        "Ip: 2 64 1000 0 7 0\n"
        "Tcp: RtoAlgorithm RtoMin\nTcp: 1 200\n"
        "Ip6InReceives 55\nIp6InAddrErrors                 2\n"
    )
    assert judging.read_strays(text) == 9


def test_a_provider_is_not_followed():
    topology = catalogue.build("provider", {})
    text = GROUPS + BASE.format(cell=1, other=2)
    assert judging.judge(topology, Survey(1.0, {"main-gw1": text})) == ()


def test_a_prefix_is_routed_only_by_a_flow_into_a_group():
    parsed = tables.parse(sound()["main-gw1"])
    assert tables.has_remote(parsed, "10.0.2.0/24")
    assert not tables.has_remote(parsed, "10.0.1.0/24")
    assert not tables.has_remote(parsed, "10.0.2.0/25")
