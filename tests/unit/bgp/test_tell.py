"""Words for a running speaker, told to one that keeps books."""

from __future__ import annotations

import asyncio
import json
from itertools import islice
from typing import Any

import pytest

from bgp import commands, tell
from bgp.commands import Advertisement
from bgp.tell import NotToldError, Teller, flood_prefixes, parse_advertisements

PEER, OTHER = "172.16.0.2", "172.16.0.6"
HOP = "172.16.0.1"


class BookSpeaker:
    """Answers the questions and writes the commands down."""

    def __init__(self, announced: dict[str, list[str]], state: str = "ESTABLISHED") -> None:
        self.announced = announced
        self.state = state
        self.told: list[str] = []

    async def ask(self, command: str, within: float) -> tuple[str, ...]:
        if command == commands.SHOW_ADJ_RIB_OUT:
            return tuple(route(peer, prefix) for peer, found in self.announced.items() for prefix in found)
        if command == commands.SHOW_CONFIGURATION:
            return tuple(line for peer in self.announced for line in neighbor(peer))
        if command == commands.SHOW_SESSIONS:
            return (json.dumps([session(peer, self.state) for peer in self.announced]),)
        self.told.append(command)
        return ()


def route(peer: str, prefix: str) -> str:
    nlri = {"family": {"afi": "ipv4", "safi": "unicast"}, "prefix": prefix, "nexthop": HOP}
    attributes = {"origin": "igp", "med": 7}
    return json.dumps({"peer": {"address": peer}, "route": {"nlri": nlri, "attributes": attributes}})


def neighbor(peer: str) -> list[str]:
    return [
        f"neighbor {peer} {{",
        'description "path";',
        f"local-address {HOP};",
        "local-as 65001;",
        "peer-as 65002;",
        "router-id 10.0.1.1;",
        "passive false;",
        "hold-time 9;",
    ]


def session(peer: str, state: str) -> dict[str, Any]:
    side = {"hold": 9, "capabilities": {"graceful-restart": True}}
    return {
        "local": {"address": HOP, **side},
        "peer": {"address": peer, "id": "10.0.2.1", **side},
        "fsm": state,
        "families": ["ipv4 unicast"],
        "duration": 3,
    }


def told_by(speaker: BookSpeaker) -> Teller:
    return Teller(speaker)  # type: ignore[arg-type]


def test_what_is_withdrawn_can_be_announced_again_as_it_was() -> None:
    speaker = BookSpeaker({PEER: ["10.0.1.0/24"], OTHER: ["10.0.1.0/24"]})
    answer = asyncio.run(told_by(speaker).withdraw([PEER], ["10.0.1.0/24"]))
    assert speaker.told == [f"neighbor {PEER} withdraw attributes next-hop {HOP} med 7 nlri 10.0.1.0/24"]
    again = parse_advertisements(json.dumps(answer["advertisements"]))
    speaker.announced[PEER] = []
    asyncio.run(told_by(speaker).announce(again))
    assert speaker.told[1] == speaker.told[0].replace("withdraw", "announce")


def test_what_the_agent_has_repaired_is_left_alone() -> None:
    speaker = BookSpeaker({PEER: ["10.0.1.0/24"]})
    asyncio.run(told_by(speaker).announce([Advertisement(PEER, "10.0.1.0/24", HOP, 7)]))
    asyncio.run(told_by(speaker).remove([Advertisement(PEER, "10.99.0.0/24", HOP)]))
    assert speaker.told == []


def test_a_flood_comes_in_blocks_and_goes_as_whatever_is_left_of_it() -> None:
    speaker = BookSpeaker({PEER: ["10.0.1.0/24", *islice(flood_prefixes(0, 9), 3)], OTHER: ["10.128.0.0/32"]})
    asyncio.run(told_by(speaker).flood({PEER: HOP}, 1100, 100))
    assert [line.count("/32") for line in speaker.told] == [500, 500]
    speaker.told.clear()
    assert asyncio.run(told_by(speaker).unflood([PEER]))["removed"] == 3
    assert "10.0.1.0" not in speaker.told[0]
    assert len(speaker.told) == 1


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda teller: teller.reset(PEER), f"the session with {PEER} is ACTIVE: there is nothing to reset"),
        (lambda teller: teller.reset("192.0.2.1"), "is not configured: there is nothing to reset"),
        (lambda teller: teller.withdraw([PEER], ["10.0.2.0/24"]), "nothing of 10.0.2.0/24 is announced"),
        (lambda teller: teller.flood({"192.0.2.1": HOP}, 1, 0), "is configured: connect first"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(act: Any, says: str) -> None:
    speaker = BookSpeaker({PEER: ["10.0.1.0/24"]}, state="ACTIVE")
    with pytest.raises(NotToldError, match=says):
        asyncio.run(act(told_by(speaker)))
    assert speaker.told == []


@pytest.mark.parametrize("text", ["", "{}x", "[1]", '[{"prefix": "10.0.0.0/33"}]', '{"a": 1}'])
def test_advertisements_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(NotToldError, match="not a list of advertisements"):
        parse_advertisements(text)


def test_without_a_speaker_the_status_says_so(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert tell.main(["--directory", str(tmp_path), "reset", PEER]) == tell.NO_SPEAKER
    assert "does the speaker run?" in capsys.readouterr().err
