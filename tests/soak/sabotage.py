"""What a careless hand does on a gateway: shell lines by name, run in the gateway's node. Values only.

Each must be found within the agent's resync and repaired without anybody's help.
"""

from __future__ import annotations

from typing import Final

_OFCTL: Final = "ovs-ofctl -O OpenFlow13"

ON_GATEWAY: dict[str, str] = {
    "all flows deleted": f"{_OFCTL} del-flows br-phy",
    "base flows deleted": f"{_OFCTL} del-flows br-phy table=0",
    "routing deleted": f"{_OFCTL} del-flows br-phy table=10",
    "one route deleted": f"{_OFCTL} del-flows br-phy table=10,cookie=0xce11000300000000/0xffffffff00000000",
    "everything dropped": f"{_OFCTL} add-flow br-phy table=10,priority=60000,cookie=0x1,actions=drop",
    "dropped in our name": f"{_OFCTL} add-flow br-phy"
    " table=0,priority=60000,cookie=0xce11000100000000,actions=drop",
    "routes bent": f"{_OFCTL} mod-flows br-phy table=10,actions=drop",
    "groups deleted": f"{_OFCTL} del-groups br-phy",
    "a foreign group": f"{_OFCTL} add-group br-phy group_id=77,type=all,bucket=output:1",
    "group emptied": f"{_OFCTL} mod-group br-phy group_id=1,type=all,bucket=actions=drop",
    "link address removed": "ip address flush dev ip-wan1 scope global",
    "lan addresses removed": "ip address flush dev ip-lan scope global",
    "internal port down": "ip link set ip-wan1 down",
    "lan port down": "ip link set ip-lan down",
    "routes removed": "ip route flush default; ip -6 route flush default",
    "neighbours removed": "ip neigh flush all nud all",
    "lan forwarding off": "sysctl -qw net.ipv4.conf.ip-lan.forwarding=0",
    "ipv6 forwarding off": "sysctl -qw net.ipv6.conf.all.forwarding=0",
    "strict reverse paths": "sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.ip-lan.rp_filter=1",
    "firewall flushed": "nft flush ruleset",
    "controller removed": "ovs-vsctl --timeout=5 del-controller br-phy",
    "controller elsewhere": "ovs-vsctl --timeout=5 set-controller br-phy tcp:192.168.254.2:7777",
    "wan port removed": "ovs-vsctl --timeout=5 del-port br-phy wan1",
    "internal port removed": "ovs-vsctl --timeout=5 del-port br-phy ip-wan1",
    "lan port removed": "ovs-vsctl --timeout=5 del-port br-phy ip-lan",
    "patch removed": "ovs-vsctl --timeout=5 del-port br-phy to-int",
    "host port removed": "ovs-vsctl --timeout=5 del-port br-int lan1",
    "bridge removed": "ovs-vsctl --timeout=5 del-br br-phy",
    "bridges removed": "ovs-vsctl --timeout=5 del-br br-phy -- del-br br-int",
    "bfd off": "ovs-vsctl --timeout=5 set interface wan1 bfd:enable=false",
    "fail mode": "ovs-vsctl --timeout=5 set-fail-mode br-phy standalone",
    "wrong datapath id": "ovs-vsctl --timeout=5 set bridge br-phy other_config:datapath-id=00000000000000ff",
}
"""Lines for `sh -c`."""

_SPEAKER: Final = "cd /run/lab/nodes/GATEWAY/speaker"
_RELOAD: Final = "kill -USR1 $(cat speaker.pid)"
ON_GATEWAY |= {
    "one BGP neighbour removed": f"{_SPEAKER} && sed -i '0,/^neighbor/b;/^neighbor/,/^}}/d' exabgp.conf"
    f" && {_RELOAD}",
    "all BGP neighbours removed": f"{_SPEAKER} && sed -i '/^neighbor /,/^}}/d' exabgp.conf && {_RELOAD}",
    "hold time changed": f"{_SPEAKER} && sed -i 's/hold-time 9/hold-time 180/' exabgp.conf && {_RELOAD}",
    "speaker's file spoiled": f"{_SPEAKER} && echo nonsense >> exabgp.conf && {_RELOAD}",
    "speaker's file removed": f"{_SPEAKER} && rm exabgp.conf && {_RELOAD}",
    "agent's memory lost": "rm -f /run/lab/nodes/GATEWAY/agent/memory.json",
    "agent's memory spoiled": "echo '{' > /run/lab/nodes/GATEWAY/agent/memory.json",
    "agent's intent spoiled": "echo '{' > /run/lab/nodes/GATEWAY/agent/intent.json",
}
"""GATEWAY stands for the node's name."""


def line(what: str, gateway: str) -> str:
    """The shell line of that sabotage on that gateway."""
    return ON_GATEWAY[what].replace("GATEWAY", gateway)
