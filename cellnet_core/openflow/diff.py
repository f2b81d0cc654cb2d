"""From wanted and observed tables to the changes that turn the second into the first, in order.

Pure. Make before break: a packet that is forwarded now and shall be forwarded afterwards is forwarded at
every moment between, and never by next hops that are not its own. Every change may be sent twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from cellnet_core.openflow import cookies, groups
from cellnet_core.openflow.pipeline import Wanted
from cellnet_core.openflow.values import Flow, FlowMod, Group, GroupMod, Mod, SetField, Tables

# Places in the sequence of `drivers.contract.Action.order`.
PREPARE: Final = 10  # new groups
MAKE: Final = 20  # flows that do not depend on a change in place, and flows that must leave before one
CHANGE: Final = 21  # groups that change in place
ENTER: Final = 22  # flows into them
UNMAKE: Final = 70  # flows nobody wants any more
CLEAN_UP: Final = 80  # groups nobody uses any more


@dataclass(frozen=True, slots=True)
class Change:
    """One change with its reason."""

    mod: Mod
    verb: Literal["add", "modify", "remove"]
    target: str
    reason: str
    order: int


def changes(wanted: Wanted, observed: Tables) -> tuple[Change, ...]:
    """Everything to be done, in the order in which it must be done; empty when nothing is."""
    assigned = groups.assign(wanted.remote, observed)
    found = [*_groups(assigned, observed), *_flows(wanted, assigned, observed)]
    return tuple(sorted(found, key=lambda change: change.order))


def unowned(observed: Tables) -> tuple[str, ...]:
    """Readable names of flows and groups that carry no cookie of ours or that no flow of ours uses."""
    foreign = [
        f"{flow.title} cookie 0x{flow.cookie:x}"
        for flow in observed.flows
        if cookies.space_of(flow.cookie) is None
    ]
    used = {flow.group for flow in observed.flows if cookies.space_of(flow.cookie)}
    return (*foreign, *(group.title for group in observed.groups if group.id not in used))


def _groups(assigned: groups.Assignment, observed: Tables) -> Iterator[Change]:
    existing = {group.id: group for group in observed.groups}
    for group in assigned.groups:
        if group.id not in existing:
            reason = f"no group has the next hops {_ways(group)}"
            yield Change(GroupMod("set", group), "add", group.title, reason, PREPARE)
        elif group.id in assigned.modified:
            reason = f"next hops change from {_ways(existing[group.id])} to {_ways(group)}"
            yield Change(GroupMod("set", group), "modify", group.title, reason, CHANGE)
    kept = {group.id for group in assigned.groups}
    for group in observed.groups:
        if group.id not in kept:
            yield Change(GroupMod("remove", group), "remove", group.title, "no route uses it", CLEAN_UP)


def _flows(wanted: Wanted, assigned: groups.Assignment, observed: Tables) -> Iterator[Change]:
    there = {flow.key: flow for flow in observed.flows}
    desired = {flow.key: flow for flow in (*wanted.flows, *assigned.flows)}
    for key, flow in desired.items():
        current = there.get(key)
        if current == flow:
            continue
        enters = flow.group in assigned.modified and (current is None or current.group != flow.group)
        order = ENTER if enters else MAKE
        if current is None:
            yield Change(FlowMod("set", flow), "add", flow.title, "wanted, and not there", order)
        else:
            yield Change(FlowMod("set", flow), "modify", flow.title, _difference(flow, current), order)
    cleared: set[tuple[int, int]] = set()
    for key, flow in there.items():
        if key in desired:
            continue
        if cookies.space_of(flow.cookie) is not None:
            # It must not live through a change of its group's meaning.
            order = MAKE if flow.group in assigned.modified else UNMAKE
            yield Change(FlowMod("remove", flow), "remove", flow.title, "nobody asks for it", order)
        elif (flow.table, flow.cookie) not in cleared:
            # By cookie, since a stranger's match may be one that we cannot spell.
            cleared.add((flow.table, flow.cookie))
            target = f"flows of table {flow.table} with cookie 0x{flow.cookie:x}"
            yield Change(FlowMod("remove_cookie", flow), "remove", target, "they have no owner", UNMAKE)


def _difference(flow: Flow, current: Flow) -> str:
    if cookies.space_of(current.cookie) is None:
        return f"its cookie 0x{current.cookie:x} is not ours"
    if flow.group is not None and current.group != flow.group:
        return f"its next hops are those of group {flow.group} now"
    return "it does something else than wanted"


def _ways(group: Group) -> str:
    """The destination MACs of the buckets in order, without the last resort."""
    ways = [
        str(action.value)
        for bucket in group.buckets[:-1]
        for action in bucket.actions
        if isinstance(action, SetField) and action.field == "eth_dst"
    ]
    return ", ".join(ways) or "none"
