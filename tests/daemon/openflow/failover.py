"""What the groups do when paths fail: stories that run inside the sandbox, like those of `stories`."""

from __future__ import annotations

import asyncio
import signal
import time

from cellnet_core.drivers.contract import Hint
from tests.daemon.openflow.streams import Stream, blocked, passes, settle
from tests.daemon.openflow.world import World, collect, until


def blackhole_is_survived() -> None:
    """A silent fault: the group takes the other path by BFD, the driver hints, the hold-down is free."""
    world = World()
    world.start()
    world.connect()
    main, east = world.main, world.east
    hints: list[tuple[float, Hint]] = []
    asyncio.run_coroutine_threadsafe(collect(main, hints), main._loop)
    until(lambda: main.driver._watchers)
    assert passes(world, 4)
    with Stream(world, 4) as there, Stream(world, 6, source=2) as back:
        until(lambda: there.received and back.received)
        fault = time.monotonic()
        for gateway in world.gateways:
            gateway.run("nft", "-f", "-", stdin=_BLACKHOLE)
        down = until(lambda: [at for at, hint in hints if hint.detail.get("bfd") == "down"])
        seen = next(port for port in main.observe().ports if port.interface == "wan1")
        assert seen.link_up is True, seen
        assert seen.bfd in ("down", "init"), seen
        assert seen.flaps >= 1, seen
        for stream in (there, back):  # the fault is still there, and packets pass
            mark = len(stream.received)
            until(lambda stream=stream, mark=mark: len(stream.received) > mark + 50)
        for gateway in world.gateways:  # the hold-down, before BFD can be back
            assert gateway.converge(world.intent(gateway, (2, 1))) == 1
        print(f"hint {1000 * (down[0] - fault):.0f} ms after the fault")
        for gateway in world.gateways:
            gateway.run("nft", "delete", "table", "netdev", "fault")
        repaired = {there: there.sent, back: back.sent}
        for gateway in world.gateways:
            until(gateway.bfd_up)
        settle(0.2)
        for gateway in world.gateways:  # hold-down is over: back to the first path, in place
            assert gateway.converge(world.intent(gateway)) == 1
        settle(0.2)
    for stream, mark in repaired.items():
        print(f"lost {stream.lost} of {stream.sent}")
        assert stream.lost > 0, "the fault was none"
        # BFD coming back, and the way back to the first path, cost nothing.
        missing = set(range(mark, stream.sent)) - stream.received
        assert len(missing) <= stream.overflowed, (missing, stream.overflowed)
    assert east.observe_fresh().unowned == ()


_BLACKHOLE = """table netdev fault {
  chain out { type filter hook egress device "wan1" priority 0; policy drop; }
}
"""


def new_order_loses_nothing() -> None:
    """A group that changes in place under traffic: not a packet is lost, there and back, forty times."""
    world = World()
    world.start()
    world.connect()
    assert passes(world, 4)
    with Stream(world) as stream:
        until(lambda: stream.received)
        for turn in range(40):
            world.main.converge(world.intent(world.main, (2, 1) if turn % 2 == 0 else (1, 2)))
    assert stream.lost == 0, (stream.lost, stream.sent)


def freeze_loses_nothing() -> None:
    """The switch stands still for 100 ms: BFD drops on both paths at once, the last resort carries on."""
    world = World(bfd_ms=10)
    world.start()
    world.connect()
    assert passes(world, 4)
    main = world.main
    assert main.switch is not None
    with Stream(world) as stream:
        until(lambda: stream.received)
        main.switch.send_signal(signal.SIGSTOP)
        settle(0.1)
        main.switch.send_signal(signal.SIGCONT)
        far = until(lambda: [port for port in world.east.observe().ports if port.flaps])
        settle(0.3)
    print(f"flapped at the far end: {[port.interface for port in far]}")
    assert stream.lost == 0, (stream.lost, stream.sent)


def without_last_resort_nothing_passes() -> None:
    """BFD is down on all paths for nothing: packets pass by the last buckets; with those taken away, none."""
    world = World(bfd_ms=10)
    world.start()
    world.connect()
    everywhere = _NO_BFD + _NO_BFD.replace("alarm", "another").replace("wan2", "wan1")
    for gateway in world.gateways:
        gateway.run("nft", "-f", "-", stdin=everywhere)
    for gateway in world.gateways:
        until(lambda gateway=gateway: all(port.bfd == "down" for port in gateway.observe().ports))
    assert passes(world, 4)
    for gateway in world.gateways:
        groups = gateway.ofctl("dump-groups", "--no-names").split("\n")
        [group] = [line.strip() for line in groups if "type=ff" in line]
        head, *buckets = group.split(",bucket=")
        gateway.ofctl("mod-group", ",bucket=".join([head, *buckets[:-1]]))
    assert blocked(world, 4)


def false_alarm_beside_a_dead_path(*order: str) -> None:
    """One path is dead and BFD of the other is down for nothing: packets pass, by the last resort.

    `order` of preference: "1", "2" or "2", "1"; the first path is the dead one.
    """
    world = _with_a_false_alarm(order)
    with Stream(world) as stream:
        until(lambda: stream.received)
        settle(0.2)
    assert stream.lost == 0, (stream.lost, stream.sent)


def one_way_resort_goes_the_wrong_way() -> None:
    """The same with a last resort that sends by the first path alone: nothing arrives."""
    world = _with_a_false_alarm(("1", "2"))
    for gateway in world.gateways:
        groups = gateway.ofctl("dump-groups", "--no-names").split("\n")
        [both] = [line.strip() for line in groups if "type=all" in line]
        head, first, _ = both.split(",bucket=")
        gateway.ofctl("mod-group", f"{head},bucket={first}")
    assert blocked(world, 4)


def _with_a_false_alarm(order: tuple[str, ...]) -> World:
    world = World(bfd_ms=10)
    world.start()
    world.connect()
    for gateway in world.gateways:
        gateway.converge(world.intent(gateway, tuple(map(int, order))))
    assert passes(world, 4)
    for gateway in world.gateways:
        gateway.run("nft", "-f", "-", stdin=_BLACKHOLE + _NO_BFD)
    for gateway in world.gateways:
        until(lambda gateway=gateway: all(port.bfd == "down" for port in gateway.observe().ports))
    return world


_NO_BFD = """table netdev alarm {
  chain out { type filter hook egress device "wan2" priority 0; udp dport 3784 drop; }
}
"""
