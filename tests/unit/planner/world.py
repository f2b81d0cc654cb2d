"""A gateway made of fakes, and rounds of thinking and acting on it; time passes only by hand."""

from __future__ import annotations

from cellnet_core.agent.execute import execute
from cellnet_core.drivers.contract import Announcement, Neighbor
from cellnet_core.drivers.fake import FakeForwarding, FakeSpeaker, FakeWan
from cellnet_core.model.wire import IntentDocument
from cellnet_core.planner import decide
from cellnet_core.planner.decide import Decision
from cellnet_core.planner.seen import KernelNeighbor, Memory, Seen
from tests.contract import samples
from tests.contract.manual_clock import ManualClock


class World:
    """The main cell's gateway. `peer` is a speaker of the east cell, told what to say by the test."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.wan = FakeWan()
        self.speaker = FakeSpeaker(self.clock, self.wan, "speaker")
        self.peer = FakeSpeaker(self.clock, self.wan, "peer")
        self.forwarding = FakeForwarding(self.clock, ["wan1", "wan2"], "gateway")
        self.site = samples.site()
        self.memory = Memory()
        self.neighbors: tuple[KernelNeighbor, ...] | None = samples.kernel_neighbors()
        self.south = decide.southbound(
            self.speaker.plan,
            self.forwarding.plan,
            self.speaker.capabilities(),
            self.forwarding.capabilities(),
        )

    def peer_up(self, paths: int = 2, extra: tuple[str, ...] = ()) -> None:
        """The east cell configures its side and announces its prefixes, and `extra` ones."""
        for path in range(1, paths + 1):
            (v4, v6), (far4, _) = samples.link_addresses("east", path), samples.link_addresses("main", path)
            name = f"main-east-{path}"
            self.peer.neighbors[name] = Neighbor(name, v4, far4, 65002, 65001, True, ("ipv4", "ipv6"))
            for prefix in (*samples.prefixes("east"), *extra):
                self.peer.announced[name, prefix] = Announcement(name, prefix, v6 if ":" in prefix else v4)
        self.wan.settle()

    async def think(self, intent: IntentDocument | None) -> Decision:
        """Look and decide, without acting."""
        seen = Seen(await self.speaker.observe(), await self.forwarding.observe(), self.neighbors)
        return decide.decide(intent, self.site, seen, self.memory, self.south, self.clock.now())

    async def round(self, intent: IntentDocument | None) -> Decision:
        """Look, decide, act."""
        decision = await self.think(intent)
        self.memory = decision.memory
        drivers = {"speaker": self.speaker, "gateway": self.forwarding}
        await execute(decision.plan.actions, drivers)
        return decision

    async def converge(self, intent: IntentDocument | None, limit: int = 10) -> list[Decision]:
        """Rounds until a plan is empty; the decisions of all of them."""
        decisions = []
        for _ in range(limit):
            decisions.append(await self.round(intent))
            if not decisions[-1].plan:
                return decisions
        raise AssertionError(f"no empty plan after {limit} rounds: {decisions[-1].plan}")


def text(decision: Decision) -> list[str]:
    """A plan, one readable line per action."""
    return [f"{a.order} {a.driver}: {a.verb} {a.target} ({a.reason})" for a in decision.plan.actions]
