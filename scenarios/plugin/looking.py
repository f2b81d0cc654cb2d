"""Takes portraits of a lab: asks the daemon, the manager's API and programs on each node. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from cellnet_core.client import Client
from scenarios.plugin import portrait
from scenarios.plugin.portrait import NodeText, Portrait, Told
from simulator.client import LabClient
from simulator.view import LabView

AT_ONCE = 4
"""Programs are started by one daemon on few processors: more at once would only wait."""
_END = "--cellnet-portrait--"
_KERNEL = (
    "nft list tables; tc qdisc show; ip -brief link; ip -4 -brief address; "
    "ip -6 -brief address show scope global"
)
_BFD = "ovs-vsctl --bare --columns=name,bfd_status list interface"
_GATEWAY = (
    "ovs-ofctl -O OpenFlow13 dump-flows --names --no-stats br-phy",
    "ovs-ofctl -O OpenFlow13 dump-groups br-phy",
    _BFD,
    "ss -Htn state established '( sport = :179 or dport = :179 )'",
)


def take(client: LabClient, api: Client, only: Iterable[str] | None = None) -> Portrait:
    """The lab now; of its nodes all, or `only` these. Raises LabError, ClientError."""
    view = client.show()
    chosen = [node.name for node in view.nodes if only is None or node.name in set(only)]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="cellnet-portrait") as pool:
        texts = pool.map(lambda node: node_text(client, view, node), chosen)
        return Portrait(view, dict(zip(chosen, texts, strict=True)), told(api))


def silent(client: LabClient, view: LabView) -> frozenset[tuple[str, str]]:
    """The ports whose BFD is not up now, as (node, port). Raises LabError."""
    nodes = [service.node for service in view.services if service.name.startswith("switch@")]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="cellnet-portrait") as pool:
        texts = pool.map(lambda node: client.exec(node, ["sh", "-c", _BFD]).stdout, nodes)
        found = zip(nodes, texts, strict=True)
        return frozenset((node, port) for node, text in found for port in portrait.bfd_down(text))


def node_text(client: LabClient, view: LabView, node: str) -> NodeText:
    """What the programs on one node print. What one cannot say counts as text, and differs."""
    switched = any(service.name == f"switch@{node}" for service in view.services)
    commands = (_KERNEL, *(_GATEWAY if switched else ()))
    script = f"; echo {_END}; ".join(commands)
    parts = client.exec(node, ["sh", "-c", f"exec 2>&1; {script}"]).stdout.split(f"{_END}\n")
    return NodeText(*parts)


def told(api: Client) -> Told:
    """What the manager shows. Raises ClientError."""
    return Told(
        cells=tuple(f"{cell.name} AS {cell.asn} revision {cell.revision_number}" for cell in api.cells()),
        endpoints=tuple(endpoint.name for endpoint in api.endpoints()),
        connections=tuple(connection.name for connection in api.connections()),
        agents=tuple(
            f"{agent.gateway} is {agent.operating_status}, at generation {agent.observed_generation} "
            f"of {agent.generation}"
            for agent in api.agents()
            if agent.operating_status != "ONLINE" or agent.observed_generation != agent.generation
        ),
    )
