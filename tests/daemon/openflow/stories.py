"""What happens inside the sandbox; each story is a function and fails by an assertion.

Numbers that depend on the machine's load are not asserted beyond what would mean that a mechanism is gone.
"""

from __future__ import annotations

import asyncio
import socket
import time
from ipaddress import ip_network

import pytest

from cellnet_core.drivers.contract import DriverUnavailableError, ForwardingIntent, Hint, Route
from tests.daemon.openflow import frames
from tests.daemon.openflow.streams import Stream, passes
from tests.daemon.openflow.world import PATIENCE, Gateway, World, collect, host4, host6, until


def boot_is_idempotent() -> None:
    """The second call changes nothing; what is broken by hand comes back, and only that."""
    world = World()
    gateway = world.main
    start = time.monotonic()
    assert gateway.boot()
    print(f"first boot {time.monotonic() - start:.3f} s")
    start = time.monotonic()
    assert gateway.boot() == ()
    print(f"second boot {time.monotonic() - start:.3f} s")

    gateway.run("ip", "addr", "del", "172.16.1.1/30", "dev", "ip-wan1")
    assert gateway.boot() == ("address 172.16.1.1/30 on ip-wan1",)
    gateway.run("ip", "link", "set", "ip-wan2", "down")
    assert "link ip-wan2 up" in gateway.boot()
    gateway.run("ip", "link", "set", "wan2", "down")  # a cable that somebody pulled stays pulled
    assert gateway.boot() == ()
    gateway.run("ip", "link", "set", "wan2", "up")
    gateway.ofctl("mod-flows", "table=0,arp,in_port=10,actions=drop")
    gateway.ofctl("del-flows", "--strict", "table=0,priority=200,arp,in_port=12")
    gateway.ofctl("add-flow", "table=0,priority=7,cookie=0xce11000100000000,ip,actions=NORMAL")
    assert gateway.boot() == ("base flows: 2 were missing or wrong, 1 stale",)
    gateway.run("nft", "add rule netdev cellnet-quiet port-0 accept")
    (quiet,) = gateway.boot()  # without taps also on the switch's ends of internal ports
    assert quiet.startswith("kernel kept quiet on wan1, wan2, lan1")
    gateway.run("ovs-vsctl", f"--db=unix:{gateway.directory}/db.sock", "clear", "interface", "wan1", "bfd")
    until(lambda: gateway.boot() == ("port wan1: bfd",))
    until(lambda: gateway.boot() == ())
    assert "169.254.0.1" in gateway.run("ip", "route", "show", "default")
    assert "onlink" in gateway.run("ip", "route", "show", "default")


def boot_says_what_is_missing() -> None:
    """No switch, and no such port: errors that name the place and the remedy."""
    world = World()
    world.main.kill_switch()
    with pytest.raises(DriverUnavailableError, match="ovs-v"):
        world.main.boot()
    world.east.run("ip", "link", "del", "wan2")
    with pytest.raises(DriverUnavailableError, match="no interface wan2: check the names in the site file"):
        world.east.boot()


def forwards(library: str) -> None:
    """Real packets of both families through the installed tables, and the tables hold still."""
    world = World(library)
    world.start()
    main = world.main
    assert main.converge(world.intent(main)) == 11  # a group and ten flows; base flows are there already
    world.east.converge(world.intent(world.east))
    print(main.ofctl("dump-flows", "--names", "--no-stats"))
    print(main.ofctl("dump-groups", "--names"))
    assert main.observe_fresh().unowned == ()

    for version in (4, 6):
        for source in (1, 2):
            assert passes(world, version, source), (version, source)
        assert _ttl_on_arrival(world, version, 64) == 62
        assert _ttl_on_arrival(world, version, 2) is None  # the second gateway drops it
        assert _ttl_on_arrival(world, version, 1) is None
    for target in ("10.0.2.11", "fdce:11:0:2::11"):  # the other gateway's kernel, asked by this one's
        source = "10.0.1.11" if "." in target else "fdce:11:0:1::11"
        main.run("ping", "-c", "1", "-W", "10", "-I", source, target)
        world.hosts[0].run("ping", "-c", "1", "-W", "10", target)

    # A host nobody knows yet is resolved by the kernel.
    for gateway in world.gateways:
        gateway.converge(world.intent(gateway, adjacencies=False))
    for version in (4, 6):
        assert passes(world, version), version
    for gateway in world.gateways:
        gateway.converge(world.intent(gateway))

    _strangers_go(world)
    _garbage_is_answered(main)
    _many_routes(world)


_IP_RECVTTL = 12  # the socket module of Python 3.11 lacks it


def _ttl_on_arrival(world: World, version: int, ttl: int) -> int | None:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    target = host4(2) if version == 4 else host6(2)
    receiver = world.hosts[1].socket(family, socket.SOCK_DGRAM)
    sender = world.hosts[0].socket(family, socket.SOCK_DGRAM)
    with receiver, sender:
        if version == 4:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            receiver.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        else:
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
            receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        receiver.bind(("0.0.0.0" if version == 4 else "::", 9100))
        receiver.settimeout(PATIENCE if ttl > 2 else 0.2)
        sender.sendto(b"x", (target, 9100))
        try:
            _, ancillary, _, _ = receiver.recvmsg(16, 64)
        except TimeoutError:
            return None
        return int.from_bytes(ancillary[0][2][:4], "little")


def _strangers_go(world: World) -> None:
    main, intent = world.main, world.intent(world.main)
    main.ofctl("add-flow", "table=10,priority=5000,ip,nw_dst=10.0.2.0/25,actions=drop")
    main.ofctl("add-flow", "table=10,priority=5000,cookie=0x77,ip,reg1=0x5/0xf,actions=drop")
    main.ofctl("add-group", "group_id=99,type=indirect,bucket=output:10")
    main.ofctl("del-flows", "--strict", "table=0,priority=200,arp,in_port=10")
    seen = main.observe_fresh()
    assert len(seen.unowned) == 3, seen.unowned
    actions = main.driver.plan(intent, seen)
    assert sorted(action.verb for action in actions) == ["add", "remove", "remove", "remove"], actions
    assert main.converge(intent) == 4
    assert main.observe_fresh().unowned == ()
    # An action may be repeated, and a removal of what is gone is no failure.
    again = main.call(main.driver.apply(actions))
    assert [outcome.status for outcome in again] == ["done"] * 4, again
    assert main.driver.plan(intent, main.observe_fresh()) == ()


def _garbage_is_answered(gateway: Gateway) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(gateway.site.controller.socket)
        client.sendall(b'garbage\n{"id":1,"op":"observe","dpid":99}\n\xff\xfe\n{"id":2,"op":"status"}\n')
        lines = client.makefile("rb")
        replies = [lines.readline() for _ in range(4)]
    assert b"bad-request" in replies[0], replies
    assert b"no-switch" in replies[1], replies
    assert b"bad-request" in replies[2], replies
    assert b'"ok":true' in replies[3], replies


def _many_routes(world: World, count: int = 2500) -> None:
    """A new order of preference is one group-mod, however many prefixes are behind it."""
    main, few = world.main, world.intent(world.main)
    hops = few.routes[0].next_hops
    extra = tuple(Route(str(ip_network((0x14000000 + (n << 8), 24))), hops) for n in range(count))
    many = ForwardingIntent(few.local_prefixes, few.local_addresses, few.adjacencies, (*few.routes, *extra))
    start = time.monotonic()
    assert main.converge(many) == count
    print(f"{count} routes planned, applied and read back in {time.monotonic() - start:.2f} s")
    turned = tuple(Route(route.prefix, hops[::-1]) for route in many.routes)
    actions = main.driver.plan(
        ForwardingIntent(many.local_prefixes, many.local_addresses, many.adjacencies, turned),
        main.observe_fresh(),
    )
    assert [(action.verb, action.target) for action in actions] == [("modify", "group 1")], actions
    assert main.converge(few) == count


def controller_restart_moves_no_packet(library: str) -> None:
    """The controller is killed and comes back under traffic; nothing is lost, nothing is written."""
    world = World(library)
    world.start()
    world.connect()
    main = world.main
    before = main.ofctl("dump-flows", "--no-stats")
    earlier = main.observe_fresh()
    assert passes(world, 4)
    with Stream(world) as stream:
        until(lambda: stream.received)
        main.kill_controller()
        blind = main.observe()
        assert not blind.fresh
        assert main.driver.plan(world.intent(main), blind) == ()
        until(main.bfd_up)  # a busy machine may take it down for a moment
        actions = main.driver.plan(world.intent(main, (2, 1)), earlier)
        with pytest.raises(DriverUnavailableError, match="the controller does not answer"):
            main.call(main.driver.apply(actions))
        main.start_controller()
        seen = main.observe_fresh()
    assert stream.lost == 0, (stream.lost, stream.sent)
    assert main.driver.plan(world.intent(main), seen) == ()
    assert main.ofctl("dump-flows", "--no-stats") == before


def killed_switch_comes_back() -> None:
    """kill -9 takes flows and groups, at times ports with addresses; boot and a plan bring all of it back."""
    world = World()
    world.start()
    world.connect()
    main = world.main
    hints: list[tuple[float, Hint]] = []
    asyncio.run_coroutine_threadsafe(collect(main, hints), main._loop)
    until(lambda: main.driver._watchers)
    before = main.observe_fresh()
    killed = time.monotonic()
    main.kill_switch()
    at, _ = until(lambda: [each for each in hints if "ended" in each[1].detail])[0]
    print(f"death noticed after {1000 * (at - killed):.0f} ms")
    dead = main.observe()
    assert not dead.fresh
    assert [(port.link_up, port.bfd) for port in dead.ports] == [(None, None)] * 2, dead.ports
    # Open vSwitch makes its taps persistent; a version that does not, or a careful operator, takes them away.
    for port in ("ip-lan", "ip-wan1"):
        main.run("ip", "link", "del", port)
    start = time.monotonic()
    main.start_switch()
    changed = main.boot()
    print(f"boot after the kill: {time.monotonic() - start:.3f} s")
    assert "base flows: 44 were missing or wrong, 0 stale" in changed, changed
    assert {"address 10.0.1.1/24 on ip-lan", "default route of IPv4 by ip-lan"} < set(changed), changed
    after = main.observe_fresh()
    assert after.instance != before.instance
    main.converge(world.intent(main))
    print(f"forwarding after {time.monotonic() - start:.3f} s")
    for version in (4, 6):
        assert passes(world, version), version
    assert main.boot() == ()


def kernel_is_silent() -> None:
    """With zero flows nothing is answered on any physical port, and past the pipeline nothing ever is."""
    world = World()
    main = world.main
    main.boot()
    east, host = world.east, world.hosts[0]
    listener = main.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.bind(("::", 179))
    listener.listen()
    bare = {port: main.run("ip", "-br", "link", "show", port).split()[2] for port in ("wan1", "lan1")}
    wan = ("172.16.1.1", "fdce:11:ffff:1::1", "172.16.1.2", "fdce:11:ffff:1::2")
    lan = ("10.0.1.1", "fdce:11:0:1::1", "10.0.1.99", "fdce:11:0:1::99")
    site = main.site

    # The base flows let the kernel answer through the pipeline: the questions are good ones.
    asked = frames.questions(site.wan[0].mac, *wan)
    assert len(frames.answers(east, "wan1", asked, wanted=3)) >= 3
    # To the bare port's own MAC nobody answers, whatever flows there are.
    strange = frames.questions(bare["wan1"], *wan)[3:]
    assert frames.answers(east, "wan1", strange) == []

    main.ofctl("del-flows")
    assert frames.answers(east, "wan1", asked + strange) == []
    inside = frames.questions(site.lan.router_mac, *lan) + frames.questions(bare["lan1"], *lan)
    assert frames.answers(host, "eth0", inside) == []

    # The planted fault: without the drop, the kernel answers, and this test sees it.
    main.run("nft", "delete", "table", "netdev", "cellnet-quiet")
    main.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=0")
    assert frames.answers(east, "wan1", asked, wanted=1) != []
    assert len(main.boot()) == 3  # the drop, the setting, the base flows
    assert len(frames.answers(east, "wan1", asked, wanted=3)) >= 3
    main.run("nft", "delete", "table", "netdev", "cellnet-quiet")
    # Another source port: the kernel does not answer the same SYN twice in half a second.
    fresh = frames.questions(bare["wan1"], *wan, port=40001)[3:]
    assert frames.answers(east, "wan1", fresh, wanted=1) != []
    main.boot()
    assert frames.answers(east, "wan1", strange) == []
