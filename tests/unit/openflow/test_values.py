"""One spelling per meaning, and JSON there and back."""

from __future__ import annotations

import json

import pytest

from cellnet_core.openflow import values
from cellnet_core.openflow.values import (
    Bucket,
    CodecError,
    DecTtl,
    Flow,
    FlowMod,
    Group,
    GroupMod,
    Match,
    Mod,
    Opaque,
    Output,
    SetField,
    ToGroup,
)

FLOW = Flow(
    10,
    192,
    Match.of(eth_type=0x800, ipv4_dst="10.2.0.0/24"),
    (DecTtl(), SetField("eth_dst", "02:00:00:00:00:01"), Output(3), ToGroup(4), Opaque("x")),
    goto=11,
    cookie=0xCE11_0003_0000_0004,
)
GROUP = Group(4, "ff", (Bucket((Output(3),), 3), Bucket((Output(3),), None)))


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("ipv4_dst", ["10.2.0.0/24", ("10.2.0.0", "255.255.255.0"), ["10.2.0.0", "255.255.255.0"]]),
        ("ipv4_dst", ["10.2.0.1", "10.2.0.1/32", ("10.2.0.1", "255.255.255.255")]),
        ("ipv6_dst", ["fd00::/64", "FD00:0::/64", ("fd00::", "ffff:ffff:ffff:ffff::")]),
        ("eth_dst", ["02:00:00:00:00:AB", "02:00:00:00:00:ab"]),
        ("eth_dst", ["00:00:00:00:00:00/01:00:00:00:00:00", ("00:00:00:00:00:00", "01:00:00:00:00:00")]),
    ],
)
def test_one_spelling(name: str, spellings: list[object]) -> None:
    assert len({Match.of(**{name: spelling}) for spelling in spellings}) == 1


def test_masks_that_are_no_prefix_survive() -> None:
    assert Match.of(ipv4_dst=("10.0.0.1", "255.0.0.255")).get("ipv4_dst") == "10.0.0.1/255.0.0.255"
    assert Match.of(reg0=(5, 15)).get("reg0") == "5/15"


@pytest.mark.parametrize(
    "mod",
    [FlowMod("set", FLOW), FlowMod("remove_cookie", FLOW), GroupMod("set", GROUP), GroupMod("remove", GROUP)],
)
def test_json_there_and_back(mod: Mod) -> None:
    assert values.mod_from_json(json.loads(json.dumps(values.mod_to_json(mod)))) == mod


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"command": "set"},
        {"command": "burn", "flow": values.flow_to_json(FLOW)},
        {"command": "set", "flow": values.flow_to_json(FLOW) | {"table": "ten"}},
        {"command": "set", "flow": values.flow_to_json(FLOW) | {"match": {"ipv4_dst": "10.0.0.300"}}},
        {"command": "set", "flow": values.flow_to_json(FLOW) | {"actions": [{"output": "all"}]}},
        {"command": "set", "flow": values.flow_to_json(FLOW) | {"actions": "drop"}},
        {"command": "set", "group": values.group_to_json(GROUP) | {"type": "round-robin"}},
        {"command": "set", "group": values.group_to_json(GROUP) | {"buckets": [1]}},
    ],
)
def test_what_is_no_change_is_refused(document: object) -> None:
    with pytest.raises(CodecError):
        values.mod_from_json(document)


def test_titles() -> None:
    assert FLOW.title == "flow 10/192 10.2.0.0/24"
    assert GROUP.title == "group 4"
    assert Flow(0, 5, Match.of(in_port=1)).title == "flow 0/5 in_port=1"
