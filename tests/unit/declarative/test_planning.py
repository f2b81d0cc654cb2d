"""Plans as a pure function: order, reasons, ownership, and that a plan that was carried out leaves none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cellnet_core.declarative import document, planning, rendering
from cellnet_core.declarative.current import Current, Existing
from cellnet_core.declarative.planning import Plan

FILE = """\
cellnet: 1
managed_by: a
endpoints:
  - {name: main-ep, cell: main}
  - {name: east-ep, cell: east, prefixes: [10.0.2.0/24, "fdce:11:0:2::/64"]}
connections:
  - {name: main-east, local_endpoint: main-ep, remote_endpoint: east-ep, hold_time: 6}
"""


def cell(name: str) -> Existing:
    return Existing("cell", f"id-{name}", name, 1, "", False, {"asn": 65001, "kind": "sub"})


def endpoint(name: str, cell: str, owner: str = "a", **changes: Any) -> Existing:
    fields = {
        "cell": cell,
        "gateway": f"{cell}-gw1",
        "interfaces": [{"interface": "wan1", "addresses": ["172.16.1.1/30"]}],
        "asn": 65001,
        "prefixes": ["fdce:11:0:2::/64", "10.0.2.0/24"] if cell == "east" else ["10.0.1.0/24"],
        "health_check_addresses": ["10.0.2.11"],
        "description": "",
    }
    return Existing("endpoint", f"id-{name}", name, 1, owner, False, fields | changes)


def connection(owner: str = "a", name: str = "main-east", deleting: bool = False, **changes: Any) -> Existing:
    fields = {
        "local_endpoint": "main-ep",
        "remote_endpoint": "east-ep",
        "families": ["ipv4", "ipv6"],
        "hold_time": 6,
        "graceful_restart_time": 44,
        "hold_down": 3.0,
        "enabled": True,
        "description": "",
    }
    return Existing("connection", f"id-{name}", name, 1, owner, deleting, fields | changes)


CELLS = (cell("main"), cell("east"))
THERE = Current((*CELLS, endpoint("main-ep", "main"), endpoint("east-ep", "east"), connection()))


def plan(text: str = FILE, there: Current = THERE, **options: bool) -> Plan:
    return planning.decide(document.read(text, "f"), there, **options)


def steps(made: Plan) -> list[str]:
    assert not made.problems
    return [f"{a.verb} {a.kind} {a.name}" for a in made.actions]


def with_(there: Current, *others: Existing) -> Current:
    """These in place of those of the same name."""
    names = {(o.kind, o.name) for o in others}
    return Current((*(o for o in there.objects if (o.kind, o.name) not in names), *others))


def test_nothing_there() -> None:
    made = plan(there=Current(CELLS))
    assert steps(made) == [
        "create endpoint east-ep",
        "create endpoint main-ep",
        "create connection main-east",
    ]
    assert made.actions[1].body == {"name": "main-ep", "cell": "main", "managed_by": "a"}


def test_everything_there_whatever_the_order_of_prefixes_and_what_is_not_said() -> None:
    made = plan()
    assert (made.actions, made.problems, made.notes) == ((), (), ())


def test_an_update_keeps_what_the_file_does_not_say() -> None:
    made = plan(there=with_(THERE, connection(hold_time=9)))
    assert steps(made) == ["update connection main-east"]
    assert made.actions[0].reason == "hold_time: 9 -> 6"
    assert made.actions[0].body["graceful_restart_time"] == 44


def test_what_cannot_change_in_use_takes_connections_down_first_and_makes_them_again() -> None:
    text = FILE.replace("cell: main}", "cell: main, interfaces: [wan2]}")
    assert steps(plan(text)) == [
        "delete connection main-east",
        "update endpoint main-ep",
        "create connection main-east",
    ]
    (_, _, again) = plan(text).actions
    assert again.body["graceful_restart_time"] == 44
    assert "changes its interfaces" in again.reason


def test_an_endpoint_that_moves_is_made_again() -> None:
    moved = with_(THERE, cell("west"))
    text = FILE.replace("cell: main}", "cell: west}")
    assert steps(plan(text, moved)) == [
        "delete connection main-east",
        "delete endpoint main-ep",
        "create endpoint main-ep",
        "create connection main-east",
    ]


def test_other_ends_are_another_connection() -> None:
    turned = with_(THERE, connection(local_endpoint="east-ep", remote_endpoint="main-ep"))
    assert steps(plan(there=turned)) == ["delete connection main-east", "create connection main-east"]


def test_only_prune_deletes_and_only_what_is_of_the_file() -> None:
    nothing = "cellnet: 1\nmanaged_by: a\n"
    there = with_(THERE, endpoint("hers", "main", owner="b"), endpoint("nobodys", "main", owner=""))
    made = plan(nothing, there)
    assert (made.actions, len(made.notes)) == ((), 3)
    assert steps(plan(nothing, there, prune=True)) == [
        "delete connection main-east",
        "delete endpoint east-ep",
        "delete endpoint main-ep",
    ]


@pytest.mark.parametrize("owner", ["b", ""])
def test_what_is_not_of_the_file_is_not_touched(owner: str) -> None:
    other = with_(THERE, connection(owner, hold_time=9))
    (problem,) = plan(there=other).problems
    assert problem.line == 7
    assert "hold_time: 9 -> 6" in problem.text
    assert plan(there=with_(THERE, connection(owner))).problems == ()  # it is as wanted
    adopted = plan(there=other, adopt=True)
    assert bool(adopted.problems) == (owner == "b")
    if not owner:
        assert adopted.actions[0].body["managed_by"] == "a"


def test_an_endpoint_in_use_by_others_stays() -> None:
    hers = connection("b", "hers")
    there = Current((*CELLS, endpoint("main-ep", "main"), endpoint("east-ep", "east"), hers))
    made = plan("cellnet: 1\nmanaged_by: a\n", there, prune=True)
    assert any("connection hers (managed by b, not in the file) uses it" in p.text for p in made.problems)


def test_a_connection_on_its_way_out_is_waited_for() -> None:
    there = with_(THERE, connection(deleting=True))
    assert steps(plan(there=there)) == ["delete connection main-east", "create connection main-east"]
    assert steps(plan("cellnet: 1\nmanaged_by: a\n", there, prune=True))[0] == "delete connection main-east"
    assert steps(plan("cellnet: 1\nmanaged_by: a\n", there)) == []


def test_every_problem_with_what_is_there_at_once() -> None:
    text = FILE.replace("cell: main}", "cell: nowhere}").replace(
        "remote_endpoint: east-ep", "remote_endpoint: x"
    )
    problems = plan(text + "cells: [{name: new}]\n").problems
    assert [p.line for p in problems] == [4, 7, 8]


def test_the_hash_is_about_the_steps_and_the_revisions_they_rest_on() -> None:
    there = Current((*CELLS, endpoint("main-ep", "main"), endpoint("east-ep", "east")))
    one = plan(there=there)
    assert plan(there=there).hash == one.hash
    assert plan(FILE.replace("hold_time: 6", "hold_time: 7"), there).hash != one.hash
    changed = with_(there, replace(endpoint("east-ep", "east"), revision=2))
    assert plan(there=changed).actions[0].body == one.actions[0].body
    assert plan(there=changed).hash != one.hash
    assert plan(there=with_(there, endpoint("hers", "east", "b"))).hash == one.hash


def test_a_plan_of_what_is_exported_is_empty() -> None:
    nobodys = with_(THERE, endpoint("nobodys", "main", owner=""), endpoint("hers", "main", owner="b"))
    for as_json in (False, True):
        text = rendering.export(nobodys, "a", as_json=as_json)
        assert "hers" not in text
        made = plan(text, nobodys, prune=True)
        assert (made.actions, made.problems, made.notes) == ((), (), ())


def test_as_text() -> None:
    text = rendering.plan_text(plan(there=with_(THERE, connection(hold_time=9), endpoint("old", "main"))))
    assert text.splitlines()[:3] == [
        "~ connection main-east  hold_time: 9 -> 6",
        "  (endpoint old is no longer in the file; --prune deletes it)",
        "1 actions: 0 to create, 1 to update, 0 to delete",
    ]
    assert rendering.plan_text(plan()) == "no changes\n"
