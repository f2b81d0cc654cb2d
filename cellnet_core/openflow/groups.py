"""Which group id a set of next hops gets, given what the switch already has.

One group per distinct set of buckets. A set keeps the group that most of its prefixes already use, so that a
new order of preference (a hold-down) is one group-mod in place, however many prefixes are behind it. Ids come
from what is observed and nothing else: no file has to remember them, and a restarted agent finds the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cellnet_core.openflow.pipeline import RemotePrefix
from cellnet_core.openflow.values import Bucket, Flow, Group, Tables

Buckets = tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """The groups that are wanted, the flows into them, and which groups change meaning in place."""

    groups: tuple[Group, ...]
    flows: tuple[Flow, ...]
    modified: frozenset[int]


def assign(remote: Sequence[RemotePrefix], observed: Tables) -> Assignment:
    """Give every set of buckets an id. Deterministic in its arguments."""
    existing = {group.id: group for group in observed.groups}
    using = _groups_in_use(remote, observed, existing)
    classes = _classes(remote)
    claims = _claim(classes, using, existing)
    modified = _modified(claims, existing)
    # A prefix must not pass through a meaning that is not its own: one that leaves a group which changes in
    # place may only enter a group which does not. Where that cannot be ordered, its set gets a new group.
    while conflict := _first_conflict(classes, claims, using, modified):
        del claims[conflict]
        modified = _modified(claims, existing)
        claims[conflict] = _FRESH
    ids = _number(classes, claims, existing)
    groups = tuple(Group(ids[key], "ff", key) for key in classes)
    flows = tuple(each.flow(ids[key]) for key, members in classes.items() for each in members)
    return Assignment(groups, flows, modified)


_FRESH: Final = 0  # no OpenFlow group of ours has the id 0


def _classes(remote: Sequence[RemotePrefix]) -> dict[Buckets, list[RemotePrefix]]:
    """Prefixes by what their group holds."""
    classes: dict[Buckets, list[RemotePrefix]] = {}
    # Prefixes of one connection share one object; hashing a long value for each of them is what would cost.
    by_object: dict[int, list[RemotePrefix]] = {}
    for each in remote:
        members = by_object.get(id(each.buckets))
        if members is None:
            members = by_object[id(each.buckets)] = classes.setdefault(each.buckets, [])
        members.append(each)
    return classes


def _groups_in_use(
    remote: Sequence[RemotePrefix], observed: Tables, existing: Mapping[int, Group]
) -> dict[str, int]:
    """Prefix to the id of the group that its flow leads to now."""
    by_key = {flow.key: flow.group for flow in observed.flows if flow.group in existing}
    found: dict[str, int] = {}
    for each in remote:
        current = by_key.get(each.key)
        if current is not None:
            found[each.prefix] = current
    return found


def _claim(
    classes: Mapping[Buckets, Sequence[RemotePrefix]],
    using: Mapping[str, int],
    existing: Mapping[int, Group],
) -> dict[Buckets, int]:
    bids: list[tuple[int, int, int, Buckets]] = []
    for index, (key, members) in enumerate(classes.items()):
        votes = Counter(using[each.prefix] for each in members if each.prefix in using)
        for id_, count in votes.items():
            # Most prefixes first; on a tie a group that needs no change, then the lowest id.
            same = existing[id_].buckets == key and existing[id_].type == "ff"
            bids.append((-count, 0 if same else 1, id_ * len(classes) + index, key))
    claims: dict[Buckets, int] = {}
    taken: set[int] = set()
    for _, _, rank, key in sorted(bids, key=lambda bid: bid[:3]):
        id_ = rank // len(classes)
        if key not in claims and id_ not in taken:
            claims[key] = id_
            taken.add(id_)
    # A set that is new to its prefixes may find an idle group with exactly its buckets.
    for group in sorted(existing.values(), key=lambda group: group.id):
        fits = group.type == "ff" and group.buckets in classes and group.buckets not in claims
        if fits and group.id not in taken:
            claims[group.buckets] = group.id
            taken.add(group.id)
    return claims


def _modified(claims: Mapping[Buckets, int], existing: Mapping[int, Group]) -> frozenset[int]:
    return frozenset(
        id_ for key, id_ in claims.items() if id_ != _FRESH and existing[id_] != Group(id_, "ff", key)
    )


def _first_conflict(
    classes: Mapping[Buckets, Sequence[RemotePrefix]],
    claims: Mapping[Buckets, int],
    using: Mapping[str, int],
    modified: frozenset[int],
) -> Buckets | None:
    for key, members in classes.items():
        target = claims.get(key, _FRESH)
        if target not in modified:
            continue
        for each in members:
            source = using.get(each.prefix, target)
            if source != target and source in modified:
                return key
    return None


def _number(
    classes: Mapping[Buckets, Sequence[RemotePrefix]],
    claims: Mapping[Buckets, int],
    existing: Mapping[int, Group],
) -> dict[Buckets, int]:
    free = _free_ids(existing)
    return {key: claims.get(key) or next(free) for key in classes}


def _free_ids(existing: Mapping[int, Group]) -> Iterator[int]:
    id_ = 0
    while True:
        id_ += 1
        if id_ not in existing:
            yield id_
