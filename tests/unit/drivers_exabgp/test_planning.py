"""The plan: what, in which order, and nothing when nothing differs."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cellnet_core.drivers.contract import Action, Announcement, Neighbor, SpeakerIntent, SpeakerObservation
from cellnet_core.drivers.exabgp.planning import (
    Announce,
    ExaBgpObservation,
    RemoveNeighbor,
    SetNeighbor,
    Withdraw,
    plan,
    to_contract,
    to_model,
)

ROUTER_ID = "10.0.1.1"


def neighbor(path: int, **changes: object) -> Neighbor:
    base = 4 * (path - 1)
    made = Neighbor(
        f"main-east-{path}",
        f"172.16.0.{base + 1}",
        f"172.16.0.{base + 2}",
        65001,
        65002,
        False,
        ("ipv4", "ipv6"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def announcement(path: int, prefix: str = "10.0.1.0/24", **changes: object) -> Announcement:
    next_hop = "fdce:11:ffff:1::1" if ":" in prefix else f"172.16.0.{4 * path - 3}"
    return replace(Announcement(f"main-east-{path}", prefix, next_hop), **changes)  # type: ignore[arg-type]


def intent(
    neighbors: tuple[Neighbor, ...] = (), announcements: tuple[Announcement, ...] = ()
) -> SpeakerIntent:
    return SpeakerIntent(65001, ROUTER_ID, neighbors, announcements)


def observed(
    neighbors: tuple[Neighbor, ...] = (), announced: tuple[Announcement, ...] = (), due: tuple[str, ...] = ()
) -> ExaBgpObservation:
    return ExaBgpObservation(
        at=0,
        fresh=True,
        neighbors=neighbors,
        announced=announced,
        configured=tuple(to_model(one, ROUTER_ID) for one in neighbors),
        end_of_rib_due=due,
    )


def words(actions: tuple[Action, ...]) -> list[tuple[int, str, str]]:
    return [(action.order, action.verb, action.target) for action in actions]


def test_from_nothing() -> None:
    wanted = intent((neighbor(2), neighbor(1)), (announcement(1, "fdce:11:0:1::/64"), announcement(1)))
    assert words(plan(wanted, observed())) == [
        (10, "add", "neighbor main-east-1"),
        (10, "add", "neighbor main-east-2"),
        (30, "add", "announcement main-east-1 10.0.1.0/24"),
        (30, "add", "announcement main-east-1 fdce:11:0:1::/64"),
    ]


def test_end_of_rib_closes_the_announcements_of_a_new_session() -> None:
    actions = plan(intent((neighbor(1),), (announcement(1),)), observed((neighbor(1),), (), ("172.16.0.2",)))
    assert words(actions) == [
        (30, "add", "announcement main-east-1 10.0.1.0/24"),
        (31, "add", "end-of-rib main-east-1"),
    ]


def test_to_nothing_withdraws_before_it_removes() -> None:
    actions = plan(intent(), observed((neighbor(1),), (announcement(1),), ("172.16.0.2",)))
    assert words(actions) == [
        (60, "remove", "announcement main-east-1 10.0.1.0/24"),
        (70, "remove", "neighbor main-east-1"),
    ]


def test_changes_say_what_differs() -> None:
    wanted = intent((neighbor(1, hold_time=30, passive=True),), (announcement(1, med=5),))
    actions = plan(wanted, observed((neighbor(1),), (announcement(1),), ("172.16.0.2",)))
    assert [(action.verb, action.reason) for action in actions] == [
        ("modify", "other passive, hold time"),
        ("modify", "other attributes"),
    ]


def test_a_new_name_for_the_same_session_is_a_change_of_one_neighbor() -> None:
    renamed = neighbor(1, name="main-west-1")
    wanted = intent((renamed,), (announcement(1, neighbor="main-west-1"),))
    actions = plan(wanted, observed((neighbor(1),), (announcement(1),)))
    assert words(actions) == [(10, "modify", "neighbor main-west-1")]


def test_another_router_id_is_a_change() -> None:
    wanted = SpeakerIntent(65001, "10.0.1.9", (neighbor(1),))
    assert [action.reason for action in plan(wanted, observed((neighbor(1),)))] == ["other router id"]


def test_spelling_and_order_of_communities_do_not_matter() -> None:
    wanted = announcement(
        1, "fdce:11:0:1::/64", communities=("no-export", "65001:7"), next_hop="fdce:11:ffff:1:0::1"
    )
    read = announcement(1, "fdce:11:0:1::/64", communities=("65001:7", "65535:65281"))
    assert plan(intent((neighbor(1),), (wanted,)), observed((neighbor(1),), (read,))) == ()


def test_what_cannot_be_announced_says_why() -> None:
    wanted = (
        announcement(7),
        announcement(1, "fdce:11:0:1::/64"),
        announcement(1, "10.0.1.1/24"),
        announcement(1, "10.0.3.0/24", next_hop="fdce::1"),
        announcement(1, "10.0.4.0/24", communities=("x",)),
    )
    actions = plan(
        intent((neighbor(1, families=("ipv4",)),), wanted), observed((neighbor(1, families=("ipv4",)),))
    )
    problems = [action.reason for action in actions if isinstance(action.payload, Announce)]
    assert sorted(problems) == sorted(
        [
            "no neighbor 'main-east-7' in the intent",
            "the session 'main-east-1' does not carry ipv6",
            "10.0.1.1/24 has host bits set",
            "next hop fdce::1 is not of the family of 10.0.3.0/24",
            "'x' is not a community: two numbers below 65536 with a colon between",
        ]
    )


def test_unknown_is_not_absent() -> None:
    wanted = intent((neighbor(1),), (announcement(1),))
    assert plan(wanted, SpeakerObservation(at=0, fresh=False)) == ()
    assert plan(intent(), replace(observed((neighbor(1),)), fresh=False)) == ()


PATHS = st.integers(1, 4)
NEIGHBORS = st.dictionaries(PATHS, st.sampled_from([9, 30]), max_size=4)
PREFIXES = st.sampled_from(["10.0.1.0/24", "10.0.2.0/24", "fdce:11:0:1::/64"])
ROUTES = st.dictionaries(st.tuples(PATHS, PREFIXES), st.sampled_from([None, 5]), max_size=8)


def build(
    holds: dict[int, int], routes: dict[tuple[int, str], int | None]
) -> tuple[tuple[Neighbor, ...], tuple[Announcement, ...]]:
    neighbors = tuple(neighbor(path, hold_time=hold) for path, hold in holds.items())
    return neighbors, tuple(
        announcement(path, prefix, med=med) for (path, prefix), med in routes.items() if path in holds
    )


@given(NEIGHBORS, ROUTES, NEIGHBORS, ROUTES)
def test_applying_a_plan_leaves_nothing_to_do(
    holds: dict[int, int],
    routes: dict[tuple[int, str], int | None],
    other_holds: dict[int, int],
    other_routes: dict[tuple[int, str], int | None],
) -> None:
    wanted = intent(*build(holds, routes))
    before = observed(*build(other_holds, other_routes))
    actions = plan(wanted, before)
    assert [action.order for action in actions] == sorted(action.order for action in actions)
    assert plan(wanted, carried_out(before, actions)) == ()


def carried_out(before: ExaBgpObservation, actions: tuple[Action, ...]) -> ExaBgpObservation:
    """What ExaBGP would show afterwards: a model of it, in one screen."""
    neighbors = {one.peer_address: one for one in before.configured}
    names = {one.name: one.peer_address for one in before.neighbors}
    announced = {(names[one.neighbor], one.prefix): one for one in before.announced}
    for action in actions:
        match action.payload:
            case SetNeighbor(neighbor=one):
                neighbors[one.peer_address] = one
            case RemoveNeighbor(peer_address=address):
                assert not any(key[0] == address for key in announced)
                del neighbors[address]
            case Announce(advertisement=one):
                assert one.peer_address in neighbors
                name = neighbors[one.peer_address].name
                announced[one.peer_address, one.prefix] = Announcement(
                    name, one.prefix, one.next_hop, one.med, one.communities
                )
            case Withdraw(advertisement=one):
                del announced[one.peer_address, one.prefix]
    return observed(tuple(to_contract(one) for one in neighbors.values()), tuple(announced.values()))
