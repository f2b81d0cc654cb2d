"""Faults of BGP in a lab that keeps books: what speakers are told, and that all of it is taken back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from simulator.context import Completed, FaultTargetError, Inventory
from simulator.faults import (
    All,
    Cut,
    Fault,
    FaultError,
    Flood,
    Hijack,
    Leak,
    Malformed,
    ResetSession,
    Sort,
    Withdraw,
    apply,
)
from simulator.faults.speaking import NO_SPEAKER
from tests.unit.simulator_faults.books import BookLab, run

PATHS = ("main-east-1", "main-east-2")
PEERS = ["172.16.0.2", "172.16.0.6"]


class TalkingLab(BookLab):
    """Its speakers remember what they are told as `bgp.tell` does; `status` makes the next words fail."""

    def __init__(self, inventory: Inventory) -> None:
        super().__init__(inventory)
        self.extra: set[tuple[str, str]] = set()  # (peer, prefix) beyond what is right
        self.missing: set[tuple[str, str]] = set()
        self.told: list[list[str]] = []
        self.status = 0
        self.stuck = self.breaks_later = False

    async def run(
        self, node: str, argv: Sequence[str], *, stdin: str | None = None, within: float = 10.0
    ) -> Completed:
        if "bgp.tell" not in argv:
            return await super().run(node, argv, stdin=stdin, within=within)
        if node in self.gone:
            raise FaultTargetError(node)
        words = list(argv[argv.index("--directory") + 2 :])
        if self.status or (self.breaks_later and words[0] == "flood" and words[-1] != "0"):
            return Completed(self.status or 1, "", "Traceback\nthere is nothing to reset\n")
        self.told.append(words)
        await asyncio.sleep(0)
        if self.stuck and words[0] == "flood" and words[-1] != "0":
            await asyncio.Event().wait()
        answer: dict[str, Any] = {"t_before": 7.0, "t_after": 7.5}
        listed = {(one["peer_address"], one["prefix"]) for one in json.loads(stdin)} if stdin else set()
        match words[0]:
            case "announce":
                self.extra |= listed - self.missing
                self.missing -= listed
                answer["advertisements"] = json.loads(stdin or "[]")
            case "remove":
                self.extra -= listed
            case "withdraw":
                peers, prefixes = words[1 : words.index("--prefix")], words[words.index("--prefix") + 1 :]
                self.missing |= {(peer, prefix) for peer in peers for prefix in prefixes}
                answer["advertisements"] = [
                    {"peer_address": peer, "prefix": prefix, "next_hop": "x"} for peer, prefix in self.missing
                ]
            case "flood":
                first, last = int(words[-1]), int(words[-3])
                self.extra |= {(words[1].split("=")[0], str(number)) for number in range(first, last)}
            case "unflood":
                self.extra.clear()
        return Completed(0, json.dumps(answer), "")

    @property
    def untouched(self) -> bool:
        stopped = any(service.pid is None for service in self.services.values())
        return super().untouched and not (self.extra or self.missing or stopped)


@pytest.fixture
def lab(inventory: Inventory) -> TalkingLab:
    return TalkingLab(inventory)


LASTING: list[Fault] = [
    Withdraw("main", PATHS),
    Leak("main", "10.99.0.0/24", PATHS),
    Hijack("east", "main", ("10.0.1.0/25", "fdce:11:0:1::/65"), ("main-east-1",)),
    Flood("main", ("main-east-1",), 700),
    Malformed("main-east-1", "east", Sort.NLRI),
]


@pytest.mark.parametrize("fault", LASTING, ids=lambda fault: fault.kind)
def test_undo_leaves_nothing_and_may_be_repeated(fault: Fault, lab: TalkingLab) -> None:
    async def story() -> None:
        undo = await apply(fault, lab)
        assert undo is not None
        assert not lab.untouched
        await undo()
        assert lab.untouched
        await undo()
        assert lab.untouched

    run(story())
    assert [kind for kind, _ in lab.journal if kind.startswith("fault")] == ["fault", "fault-cleared"]


@pytest.mark.parametrize("fault", LASTING, ids=lambda fault: fault.kind)
def test_undo_works_when_the_node_is_gone(fault: Fault, lab: TalkingLab) -> None:
    async def story() -> None:
        undo = await apply(fault, lab)
        lab.gone |= lab.inventory.nodes
        assert undo is not None
        await undo()

    run(story())


@pytest.mark.parametrize("fault", LASTING[:4], ids=lambda fault: fault.kind)
def test_a_speaker_that_is_away_has_forgotten_what_it_was_told(fault: Fault, lab: TalkingLab) -> None:
    async def story() -> None:
        undo = await apply(fault, lab)
        lab.status = NO_SPEAKER
        assert undo is not None
        await undo()

    run(story())
    assert [kind for kind, _ in lab.journal if kind.startswith("fault")] == ["fault", "fault-cleared"]


@pytest.mark.parametrize("fault", [*LASTING[:4], ResetSession("main-east-1", "main")], ids=lambda f: f.kind)
@pytest.mark.parametrize(
    ("status", "says"), [(1, "there is nothing to reset"), (NO_SPEAKER, "no speaker runs")]
)
def test_a_refusal_is_told_in_the_speakers_words_and_leaves_nothing(
    fault: Fault, status: int, says: str, lab: TalkingLab
) -> None:
    lab.status = status
    with pytest.raises(FaultError, match=says):
        run(apply(All((Cut("main-h1"), fault)) if isinstance(fault, ResetSession) else fault, lab))
    lab.status = 0
    assert lab.untouched
    assert lab.journal == []


def test_the_moments_are_the_commands_own(lab: TalkingLab) -> None:
    assert run(apply(ResetSession("main-east-1", "east"), lab)) is None
    assert lab.told == [["reset", "172.16.0.1"]]
    ((kind, detail),) = lab.journal
    assert (kind, detail["t_before"], detail["t_after"]) == ("fault", 7.0, 7.5)


def test_a_leak_goes_to_every_peer_with_the_own_address_as_next_hop(lab: TalkingLab) -> None:
    run(apply(Leak("main", "fdce:99::/64", PATHS), lab))
    assert lab.extra == {(peer, "fdce:99::/64") for peer in PEERS}


def test_a_flood_that_is_cleared_in_the_middle_goes_on_no_longer(lab: TalkingLab) -> None:
    async def story() -> None:
        lab.stuck = True
        undo = await apply(Flood("main", ("main-east-1",), 5000), lab)
        await asyncio.sleep(0)
        assert len(lab.extra) == 500
        assert undo is not None
        await undo()
        assert lab.untouched
        for _ in range(5):
            await asyncio.sleep(0)
        assert lab.untouched

    run(story())


def test_the_end_of_a_flood_is_said(lab: TalkingLab) -> None:
    async def story(kind: str) -> None:
        lab.breaks_later = kind == "flood-broken"
        undo = await apply(Flood("main", ("main-east-1",), 900), lab)
        while kind not in [told for told, _ in lab.journal]:
            await asyncio.sleep(0)
        assert undo is not None
        await undo()

    run(story("flood-sent"))
    run(story("flood-broken"))


def test_one_rogue_a_gateway_and_the_first_one_stays(lab: TalkingLab) -> None:
    async def story() -> None:
        undo = await apply(Malformed("main-east-1", "main", Sort.NLRI), lab)
        assert lab.services["speaker@main-gw1"].pid is None
        with pytest.raises(FaultError, match="another rogue speaks for main-gw1"):
            await apply(Malformed("main-east-2", "main", Sort.NLRI), lab)
        assert "rogue@main-gw1" in lab.services
        assert lab.services["speaker@main-gw1"].pid is None
        assert undo is not None
        await undo()
        assert lab.untouched

    run(story())


def test_a_rogue_without_a_session_is_refused_and_the_true_speaker_is_back(lab: TalkingLab) -> None:
    lab.refuse["main-gw1"] = "not ready after 20 s"
    with pytest.raises(FaultError, match="the rogue got no session within 20 s: not ready"):
        run(apply(Malformed("main-east-1", "main", Sort.NLRI), lab))
    assert lab.untouched
