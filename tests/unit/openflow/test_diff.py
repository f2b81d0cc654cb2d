"""From what is to what shall be: few changes, in an order that never misleads a packet."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from cellnet_core.drivers.contract import ForwardingIntent, Route
from cellnet_core.openflow import cookies, diff, pipeline
from cellnet_core.openflow.values import (
    Bucket,
    Flow,
    FlowMod,
    Group,
    GroupMod,
    Match,
    Opaque,
    Output,
    Tables,
    ToGroup,
)
from tests.openflow_model import after
from tests.unit.openflow import samples

SITE = samples.site(1, cells=3)
EMPTY = Tables()
EAST, WEST = samples.hops(1, 2, 3), samples.hops(1, 3, 3)


def prefix(n: int) -> str:
    return f"10.{100 + (n >> 8)}.{n & 255}.0/24"


def wanted(*routes: Route) -> pipeline.Wanted:
    return pipeline.expand(ForwardingIntent(routes=routes), SITE)


def done(want: pipeline.Wanted, observed: Tables = EMPTY) -> Tables:
    observed = after(observed, *(change.mod for change in diff.changes(want, observed)))
    assert diff.changes(want, observed) == (), "a plan must converge"
    return observed


def test_a_plan_converges_and_says_why() -> None:
    want = wanted(Route(prefix(1), EAST))
    changes = diff.changes(want, Tables())
    assert [change.order for change in changes] == sorted(change.order for change in changes)
    assert all(change.reason for change in changes)
    assert (changes[0].target, changes[0].verb) == ("group 1", "add")
    assert changes[-1].target == "flow 10/192 10.100.1.0/24"
    assert diff.unowned(done(want)) == ()


def test_a_new_order_behind_ten_thousand_prefixes_is_one_change() -> None:
    routes = [Route(prefix(n), EAST) for n in range(10_000)]
    observed = done(wanted(*routes))
    turned = wanted(*(replace(route, next_hops=EAST[::-1]) for route in routes))
    [change] = diff.changes(turned, observed)
    assert (change.verb, change.target, change.order) == ("modify", "group 1", diff.CHANGE)
    assert len(diff.changes(wanted(*(replace(each, next_hops=EAST[:1]) for each in routes)), observed)) == 1


def test_two_connections_keep_their_groups_whatever_the_order_of_routes() -> None:
    a, b = Route(prefix(1), EAST), Route(prefix(2), WEST)
    observed = done(wanted(a, b))
    assert diff.changes(wanted(b, a), observed) == ()
    turned = replace(b, next_hops=WEST[::-1])
    [change] = diff.changes(wanted(turned, a), observed)
    assert change.target == "group 2"


def test_a_prefix_that_leaves_gets_its_own_group_before_the_old_one_changes() -> None:
    observed = done(wanted(*(Route(prefix(n), EAST) for n in range(3))))
    want = wanted(Route(prefix(0), WEST), *(Route(prefix(n), EAST[::-1]) for n in (1, 2)))
    assert [(each.verb, each.target) for each in diff.changes(want, observed)] == [
        ("add", "group 2"),
        ("modify", "flow 10/192 10.100.0.0/24"),
        ("modify", "group 1"),
    ]


def test_a_removed_prefix_does_not_live_through_a_change_of_its_group() -> None:
    observed = done(wanted(*(Route(prefix(n), EAST) for n in range(3))))
    want = wanted(Route(prefix(1), WEST), Route(prefix(2), WEST))
    assert [(each.verb, each.target) for each in diff.changes(want, observed)] == [
        ("remove", "flow 10/192 10.100.0.0/24"),
        ("modify", "group 1"),
    ]
    # Without such a change it goes last.
    [change] = diff.changes(wanted(Route(prefix(1), EAST), Route(prefix(2), EAST)), observed)
    assert (change.verb, change.order) == ("remove", diff.UNMAKE)


def test_strangers_are_named_and_removed_by_cookie() -> None:
    observed = done(wanted(Route(prefix(1), EAST)))
    strange = Flow(10, 7, Match.of(eth_type=0x800, reg0="1/3"), (Opaque("learn"),), cookie=0x77)
    other = replace(strange, priority=8)
    group = Group(9, "select", (Bucket((Output(1),)),))
    dirty = Tables((*observed.flows, strange, other), (*observed.groups, group))
    assert diff.unowned(dirty) == (
        "flow 10/7 eth_type=2048,reg0=1/3 cookie 0x77",
        "flow 10/8 eth_type=2048,reg0=1/3 cookie 0x77",
        "group 9",
    )
    changes = diff.changes(wanted(Route(prefix(1), EAST)), dirty)
    assert [(each.verb, each.target) for each in changes] == [
        ("remove", "flows of table 10 with cookie 0x77"),
        ("remove", "group 9"),
    ]
    assert done(wanted(Route(prefix(1), EAST)), dirty) == observed


def test_a_stranger_in_the_place_of_our_flow_is_replaced() -> None:
    want = wanted(Route(prefix(1), EAST))
    observed = done(want)
    ours = observed.flows[0]
    stolen = replace(ours, cookie=0, actions=(Output(1),), goto=None)
    [change] = diff.changes(want, Tables((stolen, *observed.flows[1:]), observed.groups))
    assert (change.verb, change.mod) == ("modify", FlowMod("set", ours))
    assert "not ours" in change.reason


def test_a_group_that_somebody_changed_is_put_right_and_a_lost_one_comes_back() -> None:
    want = wanted(Route(prefix(1), EAST))
    observed = done(want)
    crippled = replace(observed.groups[0], buckets=observed.groups[0].buckets[:-1])
    [change] = diff.changes(want, Tables(observed.flows, (crippled,)))
    assert change.mod == GroupMod("set", observed.groups[0])
    # A switch drops the flows of a group with it.
    flows = tuple(flow for flow in observed.flows if flow.group is None)
    assert [each.verb for each in diff.changes(want, Tables(flows, ()))] == ["add", "add"]


def test_every_cookie_has_an_owner() -> None:
    intent = samples.intent(1, 3)
    full = done(pipeline.expand(intent, SITE))
    spaces = {flow.key: cookies.space_of(flow.cookie) for flow in full.flows}
    assert set(spaces.values()) == {"base", "routing", "group"}
    for flow in full.flows:
        assert (spaces[flow.key] == "base") == (flow.table == 0)
        assert flow.group is None or flow.cookie == cookies.of_group(flow.group)
    assert cookies.space_of(0) is None


ROUTES = st.lists(
    st.tuples(st.integers(0, 5), st.permutations([*EAST, *WEST]), st.integers(0, 4)),
    unique_by=lambda each: each[0],
    max_size=6,
).map(lambda picks: tuple(Route(prefix(n), tuple(hops[:count])) for n, hops, count in picks))


@settings(max_examples=150, deadline=None)
@given(st.lists(ROUTES, min_size=2, max_size=4), st.booleans())
def test_at_no_step_does_a_prefix_use_next_hops_that_are_not_its_own(
    intents: list[tuple[Route, ...]], twice: bool
) -> None:
    observed = Tables()
    for before, now in zip([(), *intents], intents, strict=False):
        old, new = _buckets(before), _buckets(now)
        for change in diff.changes(wanted(*now), observed):
            observed = after(observed, change.mod)
            if twice:
                assert after(observed, change.mod) == observed
            in_use = _in_use(observed)
            for each, buckets in in_use.items():
                assert buckets in (old.get(each), new.get(each)), (each, change)
            assert old.keys() & new.keys() <= in_use.keys(), "a prefix that stays is never without a flow"
        assert _in_use(observed) == new
        assert diff.changes(wanted(*now), observed) == ()
        contents = [group.buckets for group in observed.groups]
        assert len(contents) == len(set(contents)), "one group per distinct set of next hops"


def _buckets(routes: tuple[Route, ...]) -> dict[str, tuple[Bucket, ...]]:
    return {each.prefix: each.buckets for each in wanted(*routes).remote}


def _in_use(tables: Tables) -> dict[str, tuple[Bucket, ...]]:
    groups = {group.id: group.buckets for group in tables.groups}
    return {
        str(flow.match.get("ipv4_dst")): groups[action.group]
        for flow in tables.flows
        for action in flow.actions
        if isinstance(action, ToGroup)
    }
