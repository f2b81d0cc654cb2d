"""Answers to `show` commands: values, or a typed error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgp.readback import MalformedAnswerError, parse_neighbors, parse_routes, parse_sessions
from tests.unit.bgp.samples import PEER, route


def session(**changes: Any) -> dict[str, Any]:
    """One entry of `show neighbor json`, only with what is read."""
    side = {"capabilities": {"graceful-restart": True}, "hold": 9}
    return {
        "state": "up",
        "duration": 7,
        "fsm": "ESTABLISHED",
        "local": {**side, "address": "172.16.0.1"},
        "peer": {**side, "address": "172.16.0.2", "id": "10.0.2.1", "hold": 6},
        "families": ["ipv4 unicast", "ipv6 unicast", "ipv4 flow"],
        **changes,
    }


def learned(attributes: dict[str, Any]) -> str:
    """A line of `show adj-rib in json`: 10.0.2.0/24 of the sample peer."""
    family = {"afi": "ipv4", "safi": "unicast"}
    nlri = {"prefix": "10.0.2.0/24", "nexthop": "172.16.0.2", "family": family}
    return json.dumps({"peer": {"address": "172.16.0.2"}, "route": {"nlri": nlri, "attributes": attributes}})


def test_an_established_session_has_negotiated_values() -> None:
    (state,) = parse_sessions([json.dumps([session()])])
    assert (state.peer, state.established, state.hold_time, state.up_for) == (PEER, True, 6, 7)
    assert state.families == ("ipv4", "ipv6")
    assert state.router_id == "10.0.2.1"


def test_another_session_has_none() -> None:
    peer = {"capabilities": {"graceful-restart": None}, "hold": None, "address": "172.16.0.2", "id": None}
    (state,) = parse_sessions([json.dumps([session(fsm="IDLE", state="down", peer=peer, families=[])])])
    assert (state.state, state.established, state.hold_time, state.up_for) == ("IDLE", False, None, None)
    assert not state.graceful_restart


def test_routes_by_peer_with_names_of_communities_replaced() -> None:
    line = learned(
        {
            "origin": "igp",
            "as-path": {
                "1": {"element": "as-set", "value": [3, 4]},
                "0": {"element": "as-sequence", "value": [1, 2]},
            },
            "med": 10,
            "community": ["no-export", "65001:7"],
        }
    )
    found = parse_routes([line])
    communities = ("65001:7", "65535:65281")
    wanted = route("10.0.2.0/24", as_path=(1, 2, 3, 4), as_path_length=3, med=10, communities=communities)
    assert found == {"172.16.0.2": (wanted,)}


def shown(peer: str, description: str) -> list[str]:
    """A neighbour as ExaBGP shows it; without a name it shows none, or an empty one."""
    settings = {
        "description": f'"{description}"',
        "router-id": "10.0.1.1",
        "local-address": "172.16.0.1",
        "local-as": "65001",
        "peer-as": "65002",
        "passive": "false",
        "hold-time": "9",
    }
    return [f"neighbor {peer} {{", *(f"  {name} {value};" for name, value in settings.items()), "}"]


def test_neighbours_that_somebody_added_have_names_of_their_own() -> None:
    lines = [
        *shown("172.16.0.2", "main-east-1 interface wan1"),
        *shown("192.0.2.1", "copied"),
        *shown("192.0.2.2", "copied"),
        *shown("192.0.2.3", ""),
        *(line for line in shown("192.0.2.4", "") if "description" not in line),
    ]
    names = [one.name for one in parse_neighbors(lines)]
    assert names == ["main-east-1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]


@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_answer(lines: list[str]) -> None:
    for parse in (parse_sessions, parse_routes, parse_neighbors):
        try:
            parse(lines)
        except MalformedAnswerError:
            continue


@pytest.mark.parametrize("line", ["[1]", '[{"fsm": "IDLE"}]', "{}"])
def test_a_wrong_answer_is_typed(line: str) -> None:
    with pytest.raises(MalformedAnswerError):
        parse_sessions([line] if line != "{}" else ['[{"local": 1, "peer": 2, "fsm": 3}]'])
    with pytest.raises(MalformedAnswerError):
        parse_routes(["{}"])
    with pytest.raises(MalformedAnswerError):
        parse_neighbors(["neighbor 172.16.0.2 {", "}"])
