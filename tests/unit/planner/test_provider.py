"""Connections via providers' routers: sessions that are shared, and what each connection takes from them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_interface

from cellnet_core.drivers.contract import LearnedRoute
from cellnet_core.model.site import Peer
from cellnet_core.model.wire import ConnectionIntent, IntentDocument, PathIntent, RemoteIntent
from cellnet_core.planner import decide
from cellnet_core.planner.decide import Decision
from cellnet_core.planner.phases import Stage
from cellnet_core.planner.seen import Seen
from tests.contract import samples
from tests.unit.planner.world import World

OWN, EAST, WEST = 65001, 65002, 65003
ROUTERS = {"wan1": ("p1", 64601), "wan2": ("p2", 64602)}
PREFIXES = {"east": samples.prefixes("east"), "west": ("10.0.3.0/24", "fdce:11:0:3::/64")}


def far(path: int) -> tuple[str, str]:
    """The router's addresses at the far end of a port."""
    return samples.link_addresses("east", path)


def router_mac(path: int) -> str:
    return f"02:99:00:00:00:{path:02x}"


class Homed(World):
    """The main cell's gateway, homed to two routers, whose speaker has heard what the test says."""

    def __init__(self) -> None:
        super().__init__()
        ports = tuple(
            port.model_copy(
                update={
                    "peer": Peer(
                        name=ROUTERS[port.interface][0],
                        asn=ROUTERS[port.interface][1],
                        addresses=tuple(
                            ip_interface(f"{a}/{n}") for a, n in zip(far(k), (30, 64), strict=True)
                        ),
                        mac=router_mac(k),
                    )
                }
            )
            for k, port in enumerate(self.site.wan, 1)
        )
        self.site = self.site.model_copy(update={"wan": ports})
        self.neighbors = tuple(entry for entry in self.neighbors or () if entry.interface == "ip-lan")
        self.heard: list[LearnedRoute] = []
        asyncio.run(self.forwarding.boot())

    async def think(self, intent: IntentDocument | None) -> Decision:
        speaker = replace(await self.speaker.observe(), learned=tuple(self.heard))
        seen = Seen(speaker, await self.forwarding.observe(), self.neighbors)
        return decide.decide(intent, self.site, seen, self.memory, self.south, self.clock.now())

    def hear(self, port: int, prefix: str, *as_path: int, next_hop: str | None = None) -> None:
        """A route from the router at that port, which puts its own number first."""
        name, asn = ROUTERS[f"wan{port}"]
        family = 1 if ":" in prefix else 0
        route = LearnedRoute(f"{name}:wan{port}", prefix, next_hop or far(port)[family], (asn, *as_path))
        self.heard.append(route)

    def hear_cells(self) -> None:
        """What both routers tell when both other cells announce."""
        for port in (1, 2):
            for asn, prefixes in ((EAST, PREFIXES["east"]), (WEST, PREFIXES["west"])):
                for prefix in prefixes:
                    self.hear(port, prefix, asn)


def connection(cell: str, asn: int, phase: str = "present", **changes: object) -> ConnectionIntent:
    """The main cell's connection to another one by both routers."""
    base = samples.connection(phase=phase)
    remote = RemoteIntent(cell=cell, asn=asn, prefixes=PREFIXES[cell], health_addresses=())
    paths = tuple(
        PathIntent(
            name=f"main-{cell}-{k}",
            interface=f"wan{k}",
            local_addresses=samples.link_addresses("main", k),
            remote_addresses=far(k),
            passive=False,
            via=ROUTERS[f"wan{k}"][0],
            peer_asn=ROUTERS[f"wan{k}"][1],
        )
        for k in (1, 2)
    )
    return base.model_copy(
        update={"id": f"c-{cell}", "name": f"main-{cell}", "remote": remote, "paths": paths, **changes}
    )


BOTH = samples.intent(connection("east", EAST), connection("west", WEST))


def settle(world: World, intent: IntentDocument) -> Decision:
    return asyncio.run(world.converge(intent))[-1]


def problems(decision: Decision, id_: str) -> dict[str, str]:
    (outlook,) = [outlook for outlook in decision.outlooks if outlook.id == id_]
    return {condition.type: condition.message for condition in outlook.conditions}


def in_use(decision: Decision, id_: str) -> list[str]:
    (outlook,) = [outlook for outlook in decision.outlooks if outlook.id == id_]
    return sorted(prefix for prefixes in outlook.in_use.values() for prefix in prefixes)


def test_two_connections_share_the_session_of_each_uplink() -> None:
    world = Homed()
    world.hear_cells()
    last = settle(world, BOTH)
    assert [(n.name, n.peer_as, n.peer_address) for n in last.speaker.neighbors] == [
        ("p1:wan1", 64601, far(1)[0]),
        ("p2:wan2", 64602, far(2)[0]),
    ]
    said = [(a.neighbor, a.prefix) for a in last.speaker.announcements]
    assert said == sorted((name, p) for name in ("p1:wan1", "p2:wan2") for p in samples.prefixes("main"))
    assert in_use(last, "c-east") == sorted(PREFIXES["east"])
    assert in_use(last, "c-west") == sorted(PREFIXES["west"])
    assert "RouteRefused" not in problems(last, "c-east")
    (east,) = [route for route in last.forwarding.routes if route.prefix == PREFIXES["east"][0]]
    assert [(hop.interface, hop.destination_mac) for hop in east.next_hops] == [
        ("wan1", router_mac(1)),
        ("wan2", router_mac(2)),
    ]


def test_another_connection_changes_no_session_that_is_there() -> None:
    """Families of the link, not of the connection: what comes later must not end what is."""
    one = samples.intent(connection("east", EAST, families=("ipv4",)))
    world = Homed()
    before = settle(world, one).speaker.neighbors
    assert settle(world, BOTH).speaker.neighbors == before


def test_a_route_is_taken_only_if_the_remote_cell_originated_it() -> None:
    world = Homed()
    world.hear(1, PREFIXES["east"][0], WEST)  # the third cell claims it
    world.hear(2, PREFIXES["east"][0], 64601, EAST)
    last = settle(world, BOTH)
    (route,) = [route for route in last.forwarding.routes if route.prefix == PREFIXES["east"][0]]
    assert [hop.interface for hop in route.next_hops] == ["wan2"]
    assert "originated by AS 65003, not by AS 65002 of east" in problems(last, "c-east")["RouteRefused"]
    assert "RouteRefused" not in problems(last, "c-west"), "it is no affair of the other connection"


def test_our_own_route_that_comes_back_is_no_problem_and_no_route() -> None:
    world = Homed()
    world.hear(1, samples.prefixes("main")[0], 64602, OWN)
    world.hear(1, PREFIXES["east"][0], OWN, EAST)
    last = settle(world, BOTH)
    assert last.forwarding.routes == ()
    assert "AS path loop" in problems(last, "c-east")["RouteRefused"]
    assert "10.0.1.0/24" not in problems(last, "c-east")["RouteRefused"]


def test_a_claim_on_our_own_prefix_is_said() -> None:
    world = Homed()
    world.hear(1, "10.0.1.128/25", WEST)
    last = settle(world, BOTH)
    assert last.forwarding.routes == ()
    assert "10.0.1.128/25 (not among the prefixes" in problems(last, "c-east")["RouteRefused"]


def test_a_link_local_next_hop_is_the_router_and_another_address_is_not() -> None:
    world = Homed()
    world.hear(1, PREFIXES["east"][1], EAST, next_hop="fe80::1")
    world.hear(2, PREFIXES["east"][1], EAST, next_hop="fdce:11:ffff:2::77")
    last = settle(world, BOTH)
    (route,) = last.forwarding.routes
    assert [(hop.interface, hop.destination_mac) for hop in route.next_hops] == [("wan1", router_mac(1))]
    assert "is not the far end" in problems(last, "c-east")["RouteRefused"]


def test_a_longer_way_between_the_providers_comes_second() -> None:
    world = Homed()
    world.hear(1, PREFIXES["east"][0], 64602, EAST)
    world.hear(2, PREFIXES["east"][0], EAST)
    (route,) = settle(world, BOTH).forwarding.routes
    assert [hop.interface for hop in route.next_hops] == ["wan2", "wan1"]


def test_one_of_two_connections_goes_and_the_other_notices_nothing() -> None:
    world = Homed()
    world.hear_cells()
    before = settle(world, BOTH)
    leaving = samples.intent(connection("east", EAST, "absent"), connection("west", WEST), generation=2)
    decisions = asyncio.run(world.converge(leaving))
    assert [a.target for d in decisions for a in d.plan.actions if a.driver == "speaker"] == []
    assert decisions[-1].speaker == before.speaker
    assert {o.id: o.stage for o in decisions[-1].outlooks}["c-east"] is Stage.GONE
    assert [route.prefix for route in decisions[-1].forwarding.routes] == sorted(PREFIXES["west"])


def test_the_last_connection_takes_the_sessions_with_it_in_order() -> None:
    world = Homed()
    world.hear_cells()
    settle(world, BOTH)
    absent = [connection("east", EAST, "absent"), connection("west", WEST, "absent")]
    decisions = asyncio.run(world.converge(samples.intent(*absent, generation=2)))
    assert {outlook.stage for outlook in decisions[-1].outlooks} == {Stage.GONE}
    assert world.speaker.neighbors == {}
    orders = [(a.driver, a.order) for d in decisions for a in d.plan.actions]
    speaker = [order for driver, order in orders if driver == "speaker"]
    assert speaker == sorted(speaker), "withdrawn before the neighbours go"


def test_a_router_that_is_another_than_the_intent_says() -> None:
    world = Homed()
    wrong = connection("east", EAST)
    paths = (wrong.paths[0].model_copy(update={"peer_asn": 64999}), wrong.paths[1])
    last = settle(world, samples.intent(wrong.model_copy(update={"paths": paths})))
    assert [neighbor.name for neighbor in last.speaker.neighbors] == ["p2:wan2"]
    assert "goes via p1 (AS 64999), but at wan1 is p1 (AS 64601)" in problems(last, "c-east")["PeerMismatch"]


def test_what_the_kernel_sees_wins_over_the_site_file() -> None:
    world = Homed()
    world.hear_cells()
    settle(world, BOTH)
    other = samples.kernel_neighbors()[0]
    world.neighbors = (*(world.neighbors or ()), replace(other, interface="ip-wan1", address=far(1)[0]))
    (east,) = [r for r in settle(world, BOTH).forwarding.routes if r.prefix == PREFIXES["east"][0]]
    assert east.next_hops[0].destination_mac == other.mac


def test_a_limit_counts_what_the_connection_itself_may_use() -> None:
    world = Homed()
    world.hear_cells()
    flood = [f"10.0.2.{n}/32" for n in range(20)]
    for prefix in flood:
        world.hear(1, prefix, EAST)
    profile = connection("east", EAST).profile.model_copy(update={"prefix_limits": {"ipv4": 5}})
    limited = [connection(cell, asn, profile=profile) for cell, asn in (("east", EAST), ("west", WEST))]
    last = settle(world, samples.intent(*limited))
    assert len([p for p in in_use(last, "c-east") if ":" not in p]) == 5
    assert "session p1:wan1 brought 21 ipv4 prefixes" in problems(last, "c-east")["PrefixLimitExceeded"]
    assert "PrefixLimitExceeded" not in problems(last, "c-west")


def test_connections_with_other_timers_agree_on_the_stricter() -> None:
    profile = connection("east", EAST).profile
    quick = profile.model_copy(update={"hold_time": 3, "graceful_restart_time": 10})
    intent = samples.intent(connection("east", EAST), connection("west", WEST, profile=quick))
    neighbors = settle(Homed(), intent).speaker.neighbors
    assert {(n.hold_time, n.graceful_restart_time) for n in neighbors} == {(3, 30)}
