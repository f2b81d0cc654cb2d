"""What is read from a gateway's own tools, and from the lab's probes."""

from __future__ import annotations

from scenarios import gateways, traffic
from scenarios.measurements import Flow
from simulator.probes import flows as probe_flows

PROC_NET_DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
  wan1: 5120000   40000    0    0    0     0          0         0  5632000   44001    0    0    0     0       0          0
 wan11:     128       1    0    0    0     0          0         0      256       2    0    0    0     0       0          0
"""  # noqa: E501 - as the kernel prints it

CLEAN = """\
OFPST_GROUP_DESC reply (OF1.3) (xid=0x2):
 cookie=0xce11000100000000, priority=200,arp,in_port=wan1 actions=output:"ip-wan1"
 cookie=0xce11000100000000, priority=200,tcp,in_port=wan1,nw_dst=172.16.1.1,tp_dst=179 actions=output:5
 cookie=0xce11000200000002, table=10, priority=258,ip,nw_dst=10.0.1.21 actions=dec_ttl,output:"to-int"
"""

LEFT = """\
OFPST_GROUP_DESC reply (OF1.3) (xid=0x2):
 group_id=1,type=ff,bucket=watch_port:wan1,actions=output:wan1,bucket=watch_port:wan2,actions=output:wan2
 cookie=0xce11000300000001, table=10, priority=192,ip,nw_dst=10.0.2.0/24 actions=dec_ttl,group:1
 cookie=0xce11000300000001, table=10, priority=512,ipv6,ipv6_dst=fdce:11:0:2::/64 actions=dec_ttl,group:1
0      0          172.16.0.1:179       172.16.0.2:41234
"""


def test_packets_sent_on_a_port_are_read_by_its_whole_name():
    assert gateways.sent_packets(PROC_NET_DEV, "wan1") == 44001
    assert gateways.sent_packets(PROC_NET_DEV, "wan11") == 2
    assert gateways.sent_packets(PROC_NET_DEV, "wan2") == 0


def test_a_gateway_without_a_connection_has_base_flows_and_its_own_hosts_only():
    assert gateways.read_leftovers(CLEAN) == []


def test_groups_flows_into_them_and_sessions_are_found():
    assert gateways.read_leftovers(LEFT) == [
        "group 1",
        "flow for 10.0.2.0/24 into group 1",
        "flow for fdce:11:0:2::/64 into group 1",
        "BGP session 172.16.0.1:179 - 172.16.0.2:41234",
    ]


def test_flows_are_asked_for_as_they_are_each_on_a_port_of_its_own():
    flows = (
        Flow("there", "main-h1", "east-h1", "10.0.1.21", "10.0.2.21", 500),
        Flow("back", "east-h1", "main-h1", "fdce::2", "fdce::1", 500),
    )
    asked = traffic.asked(flows)
    assert [(one.name, one.sender, one.receiver, one.destination, one.rate) for one in asked] == [
        ("there", "main-h1", "east-h1", "10.0.2.21", 500),
        ("back", "east-h1", "main-h1", "fdce::1", 500),
    ]
    assert len({one.port for one in asked}) == 2
    assert min(one.port for one in asked) == probe_flows.FIRST_PORT
