"""A provider's router on BIRD 2: its configuration and its command line. Pure.

Golden files pin the text; BIRD's own parser (`bird -p`) checks it in the tests.
"""

from __future__ import annotations

from collections.abc import Iterable

from simulator.routers.plans import HOLD_TIME, Customer, Neighbor, Plan, longest, of_version
from simulator.services import Listening, ServiceSpec
from topologies.model import Network

_HEAD = """\
# {name}: a provider's router, AS {asn}. Written by cellnet; changed by nobody.
log stderr all;
router id {router_id};

protocol device {{ scan time 5; }}
protocol kernel kernel4 {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
protocol kernel kernel6 {{ ipv6 {{ import none; export where source = RTS_BGP; }}; }}
protocol bfd {{
    interface "wan*" {{ interval {bfd_ms} ms; multiplier {multiplier}; }};
    # Also without a BGP session, so that the end of one does not take BFD down a second time.
{bfd_neighbors}}}
"""

_SESSION = """
protocol bgp {name} {{
    description "{description}";
    interface "{interface}";
    local {local_v4} as {local_as};
    neighbor {peer_v4} as {peer_as};
    passive {passive};
    hold time {hold_time};
    connect delay time 1;
    connect retry time 1;
    error wait time 0, 1;
    bfd on;
    check link yes;
    graceful restart aware;
    ipv4 {{ import filter {importing}; export where source = RTS_BGP; next hop self; }};
    ipv6 {{ import filter {importing}; export where source = RTS_BGP; next hop address {local_v6}; }};
}}
"""


def render(plan: Plan) -> str:
    """bird.conf."""
    router = plan.router
    head = _HEAD.format(
        name=router.name,
        asn=router.asn,
        router_id=router.router_id,
        bfd_ms=plan.bfd_ms,
        multiplier=plan.bfd_multiplier,
        bfd_neighbors="".join(
            f'    neighbor {neighbor.peer_v4} dev "{neighbor.interface}" local {neighbor.local_v4};\n'
            for neighbor in plan.neighbors
        ),
    )
    own = {neighbor.customer for neighbor in plan.neighbors if neighbor.customer is not None}
    filters = [_from_cell(customer) for customer in plan.customers if customer in own]
    if any(neighbor.customer is None for neighbor in plan.neighbors):
        filters.append(_from_provider(plan.customers))
    return "".join([head, *filters, *(_session(plan, neighbor) for neighbor in plan.neighbors)])


def service(node: str, directory: str) -> ServiceSpec:
    """BIRD on that node, its configuration and socket in that directory."""
    return ServiceSpec(
        "router",
        node,
        f"router {node}",
        ("bird", "-f", "-c", configuration_file(directory), "-s", socket(directory)),
        Listening(socket(directory)),
        stale=(socket(directory),),
        data_plane=True,
    )


def configuration_file(directory: str) -> str:
    """Path of bird.conf."""
    return f"{directory}/bird.conf"


def socket(directory: str) -> str:
    """Path of the socket that birdc talks to (`birdc -s`)."""
    return f"{directory}/bird.ctl"


def check_command(file: str) -> tuple[str, ...]:
    """What has BIRD read a configuration and say what is wrong with it."""
    return ("bird", "-p", "-c", file)


def _from_cell(customer: Customer) -> str:
    """Its own prefixes, originated by itself, and nothing it heard elsewhere."""
    return (
        f"\nfilter from_{customer.word} {{\n"
        f"    if bgp_path.first != {customer.asn} || bgp_path.last != {customer.asn} then reject;\n"
        f"{_inside(customer.prefixes)}"
        "    reject;\n}\n"
    )


def _from_provider(customers: Iterable[Customer]) -> str:
    """What cells own, by whichever way."""
    lines = "".join(
        f"    if bgp_path.last = {customer.asn} then {{\n"
        f"{_inside(customer.prefixes, indent=8)}"
        "        reject;\n    }\n"
        for customer in customers
    )
    return f"\nfilter from_provider {{\n{lines}    reject;\n}}\n"


def _inside(prefixes: Iterable[Network], indent: int = 4) -> str:
    space = " " * indent
    found = []
    for version, kind in ((4, "NET_IP4"), (6, "NET_IP6")):
        ranges = [f"{p}{{{p.prefixlen},{longest(p)}}}" for p in of_version(tuple(prefixes), version)]
        if ranges:
            found.append(f"{space}if net.type = {kind} then if net ~ [ {', '.join(ranges)} ] then accept;\n")
    return "".join(found)


def _session(plan: Plan, neighbor: Neighbor) -> str:
    customer = neighbor.customer
    return _SESSION.format(
        name=neighbor.name,
        description="another provider" if customer is None else f"cell {customer.cell}",
        interface=neighbor.interface,
        local_v4=neighbor.local_v4,
        local_v6=neighbor.local_v6,
        local_as=plan.router.asn,
        peer_v4=neighbor.peer_v4,
        peer_as=neighbor.asn,
        passive="on" if neighbor.waits else "off",
        hold_time=HOLD_TIME,
        importing="from_provider" if customer is None else f"from_{customer.word}",
    )
