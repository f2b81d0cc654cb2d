"""Buckets that send a packet out several ways, which OpenFlow has no single word for. Pure.

A bucket holds an action *set* (OpenFlow 1.3.5 sections 5.6.1 and 5.10): of several outputs only one counts.
So on the switch such a bucket hands the packet to a second group of type `all`, whose buckets are the copies.
Here, in what is wanted and in what was observed, it is one bucket with several outputs: nobody else needs to
know the second group. Its id follows from the first one's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from cellnet_core.openflow.values import Action, Bucket, Group, GroupMod, Mod, Output, ToGroup

SECOND: Final = 0x4000_0000
"""Added to the id of a group for the id of its second one."""


def unfold(mod: Mod) -> tuple[Mod, ...]:
    """What is sent to the switch for one change, in order: a group is there while another leads to it.

    A group that has no second one any more leaves none behind: to delete what is not there is no error.
    """
    if not isinstance(mod, GroupMod) or mod.group.id >= SECOND:
        return (mod,)
    gone = GroupMod("remove", Group(SECOND + mod.group.id, "all", ()))
    parts = groups_of(mod.group)
    if mod.command == "set" and len(parts) > 1:
        return tuple(GroupMod("set", part) for part in parts)
    return GroupMod(mod.command, parts[-1]), gone


def groups_of(group: Group) -> tuple[Group, ...]:
    """The groups of the switch that make up one of ours, the one that flows lead to last."""
    head, last = group.buckets[:-1], group.buckets[-1:]
    copies = list(_copies(last[0].actions)) if last else []
    if len(copies) < 2:
        return (group,)
    second = Group(SECOND + group.id, "all", tuple(Bucket(actions) for actions in copies))
    return second, replace(group, buckets=(*head, Bucket((ToGroup(second.id),), last[0].watch_port)))


def fold(groups: Iterable[Group]) -> tuple[Group, ...]:
    """The groups of a switch as ours. A second group that nothing of ours leads to stays as it is."""
    every = {group.id: group for group in groups}
    taken: set[int] = set()
    found = []
    for group in every.values():
        second = every.get(SECOND + group.id)
        if second is not None and group.buckets and group.buckets[-1].actions == (ToGroup(second.id),):
            copies = tuple(action for bucket in second.buckets for action in bucket.actions)
            last = Bucket(copies, group.buckets[-1].watch_port)
            whole = replace(group, buckets=(*group.buckets[:-1], last))
            if groups_of(whole) == (second, group):
                taken.add(second.id)
                found.append(whole)
                continue
        found.append(group)
    return tuple(group for group in found if group.id not in taken)


def _copies(actions: tuple[Action, ...]) -> Iterator[tuple[Action, ...]]:
    """The actions of each copy: all up to and with its output."""
    start = 0
    for end, action in enumerate(actions, start=1):
        if isinstance(action, Output):
            yield actions[start:end]
            start = end
    if start < len(actions):
        yield actions[start:]
